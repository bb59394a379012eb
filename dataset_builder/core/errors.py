"""What the reader of a message can mend is a `UserError`; everything else is a bug and keeps its traceback.

Near the ground of the house: every package may import it, and it imports only the names that a user types.
"""

from __future__ import annotations

import errno
import functools
import os
import sys
import warnings
from collections.abc import Callable, Sequence

from dataset_builder.door.commands import as_typed
from dataset_builder.door.extras import extra_message


class UserError(Exception):
    """Something the user can mend: says what was expected, what was found and what to do, in one line."""


_PATHS = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ENOTEMPTY,
        errno.ENAMETOOLONG,
        errno.ELOOP,
    }
)
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
_FULL = "No space left on device"


def disk_message(error: BaseException) -> str | None:
    """What a user reads when a disk is full or takes no files; None for an error of another kind.

    Libraries that write by themselves (safetensors, Arrow) put the system's words into an error of their own.
    """
    if isinstance(error, OSError) and error.errno in _DISK:
        reason, where = error.strerror or _FULL, f" {error.filename}" if error.filename else ""
    elif _FULL in str(error):
        reason, where = _FULL, ""
    else:
        return None
    return f"cannot write{where}: {reason}; make room and run the same command again: what was finished is kept"


def path_message(error: BaseException) -> str | None:
    """What a user reads of a path that cannot be used as it is; None for an error of another kind.

    A file that is not there is none of these: who reads it says what it is and where it comes from.
    """
    if isinstance(error, OSError) and error.errno in _PATHS and error.filename:
        return f"cannot use {os.fsdecode(error.filename)}: {error.strerror}; name another path"
    return None


def missing_message(error: BaseException) -> str | None:
    """What a user reads of a package that one of our extras brings; None for an error of another kind."""
    return extra_message(error.name) if isinstance(error, ModuleNotFoundError) and error.name else None


def entry_point(main: Callable[[Sequence[str] | None], int | None]) -> Callable[..., int]:
    """Wraps `main(argv)` so that a `UserError` prints one line and exits with 2, and Ctrl-C exits with 130.

    So do a full disk, a path that cannot be used and a package that an extra would have brought, wherever they are
    met. A closed pipe (`... | head`) is no error:
    it ends the program quietly. The libraries' bars and warnings of what they will change some day stay out of the
    output.
    """

    @functools.wraps(main)
    def wrapped(argv: Sequence[str] | None = None) -> int:
        _hush_libraries()
        try:
            return main(argv) or 0
        except UserError as error:
            print(f"error: {as_typed(' '.join(str(error).split()))}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:
            message = disk_message(error) or path_message(error) or missing_message(error)
            if message is None:
                raise
            print(f"error: {message}", file=sys.stderr)
            return 2

    return wrapped


def _hush_libraries() -> None:
    """Before any is imported; on a terminal a download keeps its bar, and what the environment says already stays."""
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # transformers' bars follow it
    warnings.simplefilter("ignore", FutureWarning)
