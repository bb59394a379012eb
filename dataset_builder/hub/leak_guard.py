"""Refuses files that hold a secret or a trace of a machine; the pre-commit hook.

$ python -m dataset_builder.hub.leak_guard README.md facts.json
error: facts.json holds a home folder (line 3)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.hub.secrets import find_secrets


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m dataset_builder.hub.leak_guard FILE ...`."""
    names = sys.argv[1:] if argv is None else argv
    paths = [path for path in map(Path, names) if path.is_file()]  # a commit also names what it deletes
    if names and not paths:
        raise UserError(f"no file {names[0]}")
    if secrets := find_secrets(paths):
        raise UserError("; ".join(secrets))


if __name__ == "__main__":
    sys.exit(main())
