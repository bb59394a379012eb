"""Puts a table made from records into a README, between two comments that name it.

<!-- demo: start -->
| decomposer | accuracy | ...
<!-- demo: end -->
"""

from __future__ import annotations

from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text, write_text


def put_between_markers(readme: Path, name: str, text: str) -> None:
    """Replaces what stands between the markers `name: start` and `name: end`.

    Raises:
        UserError: there is no such file, or it lacks the markers.
    """
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    if not readme.is_file():
        raise UserError(f"there is no {readme} to put the table into")
    before, opened, rest = read_text(readme).partition(start)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise UserError(f"{readme} lacks the markers {start} and {end}; put them where the table belongs")
    write_text(readme, f"{before}{start}\n{text.strip()}\n{end}{after}")
