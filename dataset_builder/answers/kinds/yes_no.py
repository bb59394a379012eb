"""An answer that is yes or no (StrategyQA): right when it is the same word."""

from __future__ import annotations

from dataset_builder.answers.kinds.kind import Grade, compared
from dataset_builder.answers.kinds.words import words_kind
from dataset_builder.answers.spans import yes_no
from dataset_builder.schema.records import Problem


def _compare(span: str, where: str, problem: Problem) -> Grade:
    said = yes_no(span)
    if said is None:
        explanation = f"{span[:60]!r} {where} is neither yes nor no, gold {problem.gold_answer}"
        return Grade("no_answer", None, explanation, 0.0)
    read = "yes" if said else "no"
    return compared(said == yes_no(problem.gold_answer), read, f"read {read} {where}, gold {problem.gold_answer}")


YES_NO = words_kind("yes_no", "the same word", _compare)
