"""An answer of a few words (Bamboogle): right by normalised match with the gold or one of its aliases."""

from __future__ import annotations

from dataset_builder.answers.kinds.kind import Grade, compared
from dataset_builder.answers.kinds.words import words_kind
from dataset_builder.answers.spans import normalised_match
from dataset_builder.schema.records import Problem


def _compare(span: str, where: str, problem: Problem) -> Grade:
    right = normalised_match(span, (problem.gold_answer, *problem.gold_aliases))
    return compared(right, span, f"read {span[:80]!r} {where}, gold {problem.gold_answer!r}")


TEXT = words_kind("text", "normalised match with the gold or an alias", _compare)
