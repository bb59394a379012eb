"""An answer that is one number: right when the exact numbers are equal.

Under `paper_2402` the gold, too, is read as the published code reads it (2,125 is 2 to it).
"""

from __future__ import annotations

from fractions import Fraction

from dataset_builder.answers import (
    extract_final_answer,
    format_number,
    locate_answer,
    numbers_equal,
    parse_number,
    published_gold,
)
from dataset_builder.answers.kinds.kind import AnswerKind, Grade, compared
from dataset_builder.schema.records import Problem


def _grade(text: str | None, problem: Problem, rule: str) -> Grade:
    located, number = locate_answer(text, rule), extract_final_answer(text, rule)
    golds = _golds(problem, rule)
    gold = format_number(golds[0])
    if number is None:
        place = f"{located.span[:60]!r} {located.where} is no number" if located else "nothing to read"
        return Grade("no_answer", None, f"{place} under {rule}, gold {gold}", 0.0)
    read, where = format_number(number), located.where if located else ""
    return compared(any(numbers_equal(number, each) for each in golds), read, f"read {read} {where}, gold {gold}")


def _golds(problem: Problem, rule: str) -> list[Fraction]:
    if rule == "paper_2402":
        read = [published_gold(problem.solution if "####" in problem.solution else problem.gold_answer)]
    else:
        read = [parse_number(gold) for gold in (problem.gold_answer, *problem.gold_aliases)]
    golds = [number for number in read if number is not None]
    if not golds:
        raise ValueError(f"{problem.problem_id}: the gold answer {problem.gold_answer!r} is no number")
    return golds


NUMBER = AnswerKind("number", "the exact numbers are equal", "", _grade, extract_final_answer)
