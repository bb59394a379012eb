"""One kind of answer as one object: how it is asked for, graded, and counted in a vote.

A new kind is one module with such an object and one line in `answers.kinds`; `words.words_kind` makes one from a
comparison of texts. Whatever depends on the kind (prompts, grades, votes, the metric, the demo page) asks the object.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from dataset_builder.schema.records import Problem
from dataset_builder.schema.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Grade:
    """What a solver's text is worth."""

    verdict: Verdict
    """One of `schema.verdicts`."""
    extracted: str | None
    """The answer as it was read; None where none was."""
    explanation: str
    """One sentence on why."""
    score: float
    """In [0, 1]: 1 or 0, or a part of it where the kind knows half-right answers."""


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """A kind of answer."""

    name: str
    """What a problem's `answer_kind` says."""
    meaning: str
    """When an answer is right, for people."""
    prompt_form: str
    """Which variant of a prompt asks for it: "" or "_words" (`answer.v1`, `answer_words.v1`)."""
    grade: Callable[[str | None, Problem, str], Grade]
    """(a solver's text, the problem, the rule) -> the grade."""
    vote_key: Callable[[str | None, str], Hashable | None]
    """(a solver's text, the rule) -> what equal answers share; None where no answer can be read."""


def compared(right: bool, extracted: str, explanation: str, score: float | None = None) -> Grade:
    """The grade of an answer that could be read; the score is 1 or 0 unless another is given."""
    return Grade("correct" if right else "incorrect", extracted, explanation, float(right) if score is None else score)
