"""Who runs a step: its attempts, one at a time, across machines: a second copy of a step finds the first.

A step's attempts are numbered files, `OUTPUT/attempts/STEP/3.json`. A number is taken by creating its file, which only
one process can (O_EXCL, on NFS too), and kept alive by a heartbeat: a thread that rewrites the file every ten seconds.

    {"host": "node1", "machine": "8a3c...-4026531836", "pid": 812, "born": 1764230000.1, "child": [815, 1764230000.4],
     "since": "2026-11-27T07:00:00+00:00", "beat": 12, "seconds": 120.2, "exit": null, "reason": null}

An attempt is over when it says how it ended, or when nobody keeps it alive: on its own machine as soon as its process
is gone, elsewhere once the file has stood still for STALE_S of the reader's clock (clocks of machines are never
compared). Then the next number is free. Who was paused so long that a later number exists finds it at the next beat
and stops. A file system that can refuse to create a file twice is needed: local disks, NFS, Lustre, GPFS.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from dataset_builder.core.files import write_json
from dataset_builder.core.locks import born_at, is_alive

BEAT_S = 10.0
STALE_S = 90.0
"""Above the minute for which NFS may show an old directory."""
POLL_S = 1.0


@dataclass(frozen=True)
class Attempt:
    """One try at a step, as its file has it."""

    host: str
    """Name of the machine, for people."""
    machine: str
    """Which machine and container it is: process ids mean something there only."""
    pid: int
    """Of the process that runs the step."""
    born: float
    """When that process started, by its machine: ids come again."""
    since: str
    """When the attempt began; UTC, ISO 8601."""
    child: tuple[int, float] | None = None
    """Id and start of the command's process."""
    beat: int = 0
    """Counts up while it lives."""
    seconds: float = 0.0
    """How long it has run, at the last beat."""
    exit: int | None = None
    """Exit code of the command; None while it runs, and for ever where it was killed with everything around it."""
    reason: str | None = None
    """Why it failed, in one line."""

    @property
    def ended(self) -> bool:
        return self.exit is not None

    @property
    def who(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def read_attempts(folder: Path) -> dict[int, Attempt | None]:
    """The attempts of a step by number; None: one that is being created, or was cut off in that."""
    numbers = sorted(int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit())
    return {number: _read(folder / f"{number}.json") for number in numbers}


def is_gone(attempt: Attempt | None) -> bool | None:
    """Whether an attempt's processes are gone; None where that can't be seen from this machine."""
    if attempt is None or attempt.machine != _machine():
        return None
    return not any(is_alive(*process) for process in ((attempt.pid, attempt.born), attempt.child) if process)


class OwnAttempt:
    """An attempt of this process; made by `begin`."""

    def __init__(self, folder: Path, number: int, attempt: Attempt) -> None:
        self.number = number
        self.attempt = attempt
        self._folder = folder
        self._path = folder / f"{number}.json"
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return round(time.monotonic() - self._started, 1)

    def keep_alive(self, child: int, lost: Callable[[], None]) -> None:
        """Beats from now on; `lost` is called where another process has taken the step over.

        Args:
            child: id of the command's process.
            lost: what stops it.
        """
        self._note(child=(child, born_at(child)))
        self._thread = threading.Thread(target=self._beat, args=(lost,), name="heartbeat", daemon=True)
        self._thread.start()

    def end(self, code: int, reason: str | None) -> None:
        """Says how it ended."""
        self._over.set()
        if self._thread:
            self._thread.join()
        self._note(exit=code, reason=reason)

    def _beat(self, lost: Callable[[], None]) -> None:
        while not self._over.wait(BEAT_S):
            if (self._folder / f"{self.number + 1}.json").exists():
                lost()
                return
            with contextlib.suppress(Exception):  # a disk that is full for a while is no reason to stop
                self._note()

    def _note(self, **changes: object) -> None:
        with self._lock:
            values = changes | {"beat": self.attempt.beat + 1, "seconds": self.seconds}
            self.attempt = dataclasses.replace(self.attempt, **values)  # type: ignore[arg-type]
            write_json(self._path, dataclasses.asdict(self.attempt), indent=None)


def begin(folder: Path, *, wait: bool = False) -> OwnAttempt | Attempt:
    """A new attempt of this process, or the one that made it needless.

    Args:
        folder: of the step's attempts.
        wait: where the step is being run: stay until that ends, and take its end for one's own.

    Returns:
        An attempt of its own; or, without `wait`, the attempt that is alive, with it, the one that ended meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        number, last = max(read_attempts(folder).items(), default=(0, None))
        if number and not (last and last.ended):
            other = _outcome(folder / f"{number}.json", wait)
            if other:
                return other
        own = Attempt(platform.node(), _machine(), os.getpid(), born_at(os.getpid()), _now())
        with contextlib.suppress(FileExistsError), (folder / f"{number + 1}.json").open("x") as file:
            file.write(json.dumps(dataclasses.asdict(own)))
            return OwnAttempt(folder, number + 1, own)


def _outcome(path: Path, wait: bool) -> Attempt | None:
    """An attempt once it is seen alive, with `wait` once it has ended; None: nobody keeps it alive."""
    first = seen = _content(path)
    since = time.monotonic()
    while True:
        attempt, content, now = _read(path), _content(path), time.monotonic()
        gone = is_gone(attempt)
        if attempt and (attempt.ended or (not wait and (gone is False or content != first))):
            return attempt
        if content != seen:
            seen, since = content, now
        if gone or (gone is None and now - since > STALE_S):
            return None
        time.sleep(POLL_S)


def _content(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""


def _read(path: Path) -> Attempt | None:
    try:
        content = json.loads(_content(path))
        return Attempt(**content | {"child": tuple(content["child"]) if content["child"] else None})
    except (ValueError, TypeError, KeyError):
        return None


@functools.cache
def _machine() -> str:
    """This boot of this machine, and the processes that are seen from here (a container's own)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{platform.node()}-{boot}-{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:  # no Linux
        return f"{platform.node()}-{int(psutil.boot_time())}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
