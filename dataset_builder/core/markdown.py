"""A Markdown table: one way to draw it, aligned to be read as text, too."""

from __future__ import annotations

from collections.abc import Sequence


def draw_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table, its columns as wide as their widest cell.

    >>> print(draw_table(["row", "n"], [["bc", "100"]]))
    | row | n   |
    | --- | --- |
    | bc  | 100 |
    """
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
