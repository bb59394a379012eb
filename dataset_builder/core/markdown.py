"""One way to write a Markdown table: padded, so that it can be read as text, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def draw_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right_from: int | None = None) -> str:
    """The table's lines.

    Args:
        head: the columns' names.
        rows: as many cells each.
        right_from: the first of the columns that are aligned to the right; None: no column is.

    >>> print(draw_table(["", "n"], [["train", "7,473"], ["test", "9"]], right_from=1))
    |       |     n |
    | ----- | ----: |
    | train | 7,473 |
    | test  |     9 |
    """
    lines = [head, *rows]
    first = len(head) if right_from is None else right_from
    widths = [max(3 + (column >= first), *(len(line[column]) for line in lines)) for column in range(len(head))]
    rule = ["-" * (width - 1) + (":" if column >= first else "-") for column, width in enumerate(widths)]
    drawn = []
    for line in (head, rule, *lines[1:]):
        sized = enumerate(zip(line, widths, strict=True))
        cells = [cell.rjust(width) if column >= first else cell.ljust(width) for column, (cell, width) in sized]
        drawn.append(f"| {' | '.join(cells)} |")
    return "\n".join(drawn)
