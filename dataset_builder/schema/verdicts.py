"""What can become of a problem that a solver was asked: one table behind scores, tables, pages and cards.

A new verdict is a name in `Verdict` and a row below it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["correct", "incorrect", "no_answer", "parse_failure", "request_failed"]


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """What a verdict means."""

    meaning: str
    """For cards and manuals."""
    label: str
    """For a page, beside the answer."""
    unread: bool = False
    """Whether a model's text came and could not be read; cards count these as "no answer"."""


VERDICT_TABLE: dict[Verdict, VerdictRow] = {
    "correct": VerdictRow("the final answer is right", "\N{CHECK MARK} correct"),
    "incorrect": VerdictRow("the final answer is wrong", "\N{BALLOT X} incorrect"),
    "no_answer": VerdictRow("the text commits itself to no answer", "no answer to be read", unread=True),
    "parse_failure": VerdictRow("the sub-questions could not be read", "sub-questions could not be read", unread=True),
    "request_failed": VerdictRow("no text ever came", "no reply"),
}
VERDICTS: tuple[Verdict, ...] = tuple(VERDICT_TABLE)


def verdicts_in_words() -> str:
    """Every verdict with its meaning, in one sentence's worth of Markdown.

    >>> verdicts_in_words().partition(", ")[0]
    '`correct` (the final answer is right)'
    """
    return ", ".join(f"`{verdict}` ({row.meaning})" for verdict, row in VERDICT_TABLE.items())
