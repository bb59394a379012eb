"""What answers in words share: where they are read, and that equal words are one vote.

They are read where the rule finds an answer; `paper_2402` and `last_number` know numbers only, so for words they read
as `flexible` does.
"""

from __future__ import annotations

from collections.abc import Callable

from dataset_builder.answers import extract_answer_text, locate_answer
from dataset_builder.answers.kinds.kind import AnswerKind, Grade
from dataset_builder.schema.records import Problem, normalise_text

Compare = Callable[[str, str, Problem], Grade]
"""(the words, where they stood, the problem) -> the grade."""
_TEXT_RULES = ("first_marker", "flexible")


def _text_rule(rule: str) -> str:
    return rule if rule in _TEXT_RULES else "flexible"


def words_kind(name: str, meaning: str, compare: Compare) -> AnswerKind:
    """A kind whose answers are words, graded by `compare`."""

    def grade(text: str | None, problem: Problem, rule: str) -> Grade:
        located = locate_answer(text, _text_rule(rule))
        if located is None or not located.span:
            return Grade("no_answer", None, f"no answer under {rule}, gold {problem.gold_answer}", 0.0)
        return compare(located.span.strip(" *_`").rstrip("."), located.where, problem)

    return AnswerKind(name, meaning, "_words", grade, _equal_words)


def _equal_words(text: str | None, rule: str) -> str | None:
    answer = extract_answer_text(text, _text_rule(rule))
    return normalise_text(answer) if answer else None
