"""The one verdict behind reward and score."""

from __future__ import annotations

import pytest

from dataset_builder.answers import RULES
from dataset_builder.answers.grading import grade_answer
from dataset_builder.schema.records import Problem


def problem(gold: str, kind: str = "number", **more: object) -> Problem:
    return Problem("made-test-00000", "How many?", gold, "made", "test", kind, **more)  # type: ignore[arg-type]


def test_a_right_number_is_correct_in_whatever_notation() -> None:
    judged = grade_answer("A1: 2+2=4\n\nFinal answer: $1,080.00", problem("1080"), "first_marker")
    assert (judged.verdict, judged.extracted, judged.score) == ("correct", "1080", 1.0)
    assert judged.explanation == 'read 1080 after "Final answer:", gold 1080'


def test_a_wrong_number_is_incorrect_and_says_what_was_read() -> None:
    judged = grade_answer("Final answer: -5", problem("5"), "first_marker")
    assert (judged.verdict, judged.extracted, judged.score) == ("incorrect", "-5", 0.0)
    assert "read -5" in judged.explanation
    assert "gold 5" in judged.explanation


@pytest.mark.parametrize("text", [None, "", "Final answer: 4 blue, 6 red", "Final answer: N/A"])
def test_a_text_without_one_number_is_no_answer(text: str | None) -> None:
    judged = grade_answer(text, problem("4"), "first_marker")
    assert (judged.verdict, judged.extracted, judged.score) == ("no_answer", None, 0.0)
    assert "gold 4" in judged.explanation


def test_an_alias_is_right() -> None:
    assert (
        grade_answer("Final answer: 0.67", problem("0.666666666", gold_aliases=("0.67",)), "flexible").verdict
        == "correct"
    )


def test_under_the_published_rule_the_gold_is_misread_as_published() -> None:
    gold = problem("2125", solution="1+1=2\n#### 2,125")
    assert grade_answer("Final answer: 2,125", gold, "paper_2402").verdict == "correct"
    assert grade_answer("Final answer: 2125", gold, "paper_2402").verdict == "incorrect"
    assert grade_answer("Final answer: 2125", gold, "first_marker").verdict == "correct"


def test_a_gold_that_is_no_number_is_an_error_not_a_verdict() -> None:
    with pytest.raises(ValueError, match="made-test-00000"):
        grade_answer("Final answer: 5", problem("five or six"), "flexible")


@pytest.mark.parametrize("rule", RULES)
def test_words_are_judged_under_every_rule(rule: str) -> None:
    assert grade_answer("Final answer: James Madison.", problem("james madison", "text"), rule).verdict == "correct"


def test_spans_score_f1_and_are_correct_when_exact() -> None:
    gold = problem("4 yards", "spans", gold_aliases=("four yards",))
    assert grade_answer("Final answer: four yards", gold, "first_marker").verdict == "correct"
    partly = grade_answer("Final answer: 4 long yards", gold, "first_marker")
    assert (partly.verdict, partly.score) == ("incorrect", 0.8)


def test_a_span_that_begins_with_a_decimal_point_keeps_it() -> None:
    assert grade_answer("Final answer: .52", problem(".52", "spans"), "first_marker").verdict == "correct"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Final answer: No, it is not.", "correct"),
        ("Final answer: yes", "incorrect"),
        ("Final answer: so", "no_answer"),
    ],
)
def test_yes_and_no_are_judged_as_words(text: str, verdict: str) -> None:
    assert grade_answer(text, problem("no", "yes_no"), "first_marker").verdict == verdict
