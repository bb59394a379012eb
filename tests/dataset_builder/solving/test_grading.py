"""The grade of a reply, and what is read of one that nothing can be compared with."""

from __future__ import annotations

import pytest

from dataset_builder.schema.records import Failure
from dataset_builder.solving.grading import grade_if_known
from dataset_builder.solving.records import Decomposition, Reply
from dataset_builder.solving.texts import problem_from_text

UNREADABLE = Decomposition(failure=Failure("decompose", "parse:no_questions", "no Q1"))


@pytest.mark.parametrize(("gold", "verdict"), [("", ""), ("3.5", "correct"), ("4", "incorrect")])
def test_a_decimal_reads_alike_with_a_right_answer_and_without(gold: str, verdict: str) -> None:
    problem = problem_from_text("How long is it?", gold)
    graded = grade_if_known(problem, Decomposition(), Reply("Final answer: 3.5"), "first_marker")
    assert graded[:2] == (verdict, "3.5")


def test_a_failure_is_told_without_a_right_answer_too() -> None:
    verdict, answer, why = grade_if_known(problem_from_text("How long?"), UNREADABLE, Reply(""), "first_marker")
    assert (verdict, answer) == ("parse_failure", "")
    assert "no Q1" in why
