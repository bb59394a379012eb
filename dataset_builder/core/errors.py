"""What the reader of a message can mend is a `UserError`; everything else is a bug and keeps its traceback.

A leaf of the house: every package may import it, and it imports nothing of ours.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence


class UserError(Exception):
    """Something the user can mend: says what was expected, what was found and what to do, in one line."""


def entry_point(main: Callable[[Sequence[str] | None], int | None]) -> Callable[..., int]:
    """Wraps `main(argv)` so that a `UserError` prints one line and exits with 2, and Ctrl-C exits with 130.

    A closed pipe (`... | head`) is no error: it ends the program quietly.
    """

    @functools.wraps(main)
    def wrapped(argv: Sequence[str] | None = None) -> int:
        try:
            return main(argv) or 0
        except UserError as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    return wrapped
