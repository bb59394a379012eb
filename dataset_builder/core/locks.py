"""One writer at a time: a lock on a file that ends with its process, however that ends; and whether a process lives.

A lock file left behind never blocks: what counts is the lock on it, which the system takes away with the process. It
holds the writer's process id, for people. On Windows the lock is on one byte far behind that text, since other
processes cannot read a byte that is locked there.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from pathlib import Path
from types import ModuleType

from dataset_builder.core.errors import UserError

logger = logging.getLogger(__name__)

fcntl: ModuleType | None
msvcrt: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
try:
    import msvcrt
except ImportError:
    msvcrt = None

_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
_LOCKED_BYTE = 1 << 30
CLOCK_S = 5.0
"""By so much the start of a process may seem to move when its machine's clock is set."""


def lock_file(path: Path, remedy: str) -> int:
    """Locks `path` for this process through `path`.lock and returns the descriptor that holds the lock.

    Args:
        path: what only one process may write; its folder must be there.
        remedy: what to do where another process writes it, the end of the message.

    Raises:
        UserError: another process holds the lock, or the file system has none, or the lock file cannot be made.
    """
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(f"cannot write {path}.lock: {error.strerror}; mend that, or give another --output") from error
    try:
        _take(descriptor, path)
    except OSError as error:
        holder = os.read(descriptor, 32).decode(errors="replace").strip() or "?"
        os.close(descriptor)
        if error.errno in _HELD:
            raise UserError(f"{path} is being written by another run (process {holder}); {remedy}") from error
        raise UserError(
            f"the file system of {path} has no file locks ({error.strerror}), as Lustre and NFS may be mounted; give "
            "--output on a local disk ($TMPDIR, /scratch) and copy the folder when the run has ended, or have it "
            "mounted with locks (Lustre: -o flock)"
        ) from error
    with contextlib.suppress(OSError):  # a disk that is full lets the lock be taken all the same
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether a process of this machine holds the lock of `path`; makes no file and takes nothing away."""
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR)
    except OSError:
        return False
    try:
        _take(descriptor, path)
    except OSError as error:
        os.close(descriptor)
        return error.errno in _HELD
    unlock_file(descriptor)
    return False


def unlock_file(descriptor: int) -> None:
    """Gives a lock of `lock_file` back."""
    if fcntl is None and msvcrt is not None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    os.close(descriptor)


def born_at(pid: int) -> float:
    """When a process of this machine started, by its clock: an id alone comes again; 0 where there is none."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return 0.0


def is_alive(pid: int, born: float) -> bool:
    """Whether the process of this machine with that id, started then, is still there."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return abs(born_at(pid) - born) < CLOCK_S and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _take(descriptor: int, path: Path) -> None:
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elif msvcrt is not None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        logger.warning("this Python has no file locks: make sure that no other run writes %s", path)
