"""Refuses files that hold a secret or a trace of a machine; the pre-commit hook.

$ python -m dataset_builder.hub.leak_guard README.md facts.json
error: facts.json holds a home folder
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
    if missing := [name for name in names if not Path(name).is_file()]:
        raise UserError(f"no file {missing[0]}")
    if secrets := find_secrets(map(Path, names)):
        raise UserError("; ".join(secrets))


if __name__ == "__main__":
    sys.exit(main())
