"""An answer of one or several spans of a passage (DROP): right by DROP's exact match, its score is DROP's F1."""

from __future__ import annotations

from dataset_builder.answers.kinds.kind import Grade, compared
from dataset_builder.answers.kinds.words import words_kind
from dataset_builder.answers.spans import drop_scores
from dataset_builder.schema.records import Problem


def _compare(span: str, where: str, problem: Problem) -> Grade:
    exact, f1 = drop_scores(span, (problem.gold_answer, *problem.gold_aliases))
    explanation = f"read {span[:80]!r} {where}, gold {problem.gold_answer!r}, F1 {f1:.2f}"
    return compared(exact == 1.0, span, explanation, f1)


SPANS = words_kind("spans", "DROP's exact match, with its F1 as the score", _compare)
