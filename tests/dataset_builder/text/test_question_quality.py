"""What can be seen in sub-questions without a solver: repetitions, give-aways, what is given."""

from __future__ import annotations

import pytest

from dataset_builder.text.question_quality import (
    asks_given,
    giveaway_questions,
    given_questions,
    repeated_questions,
    stated_numbers,
)


@pytest.mark.parametrize(
    ("question", "result", "why"),
    [
        ("What do the 18 eggs cost?", True, "18 is computed"),
        ("What do the 16 eggs cost?", False, "16 stands in the problem"),
        ("What do the 3 eggs cost?", False, "three stands in the problem as a word"),
        ("How many does she sell in 7 days?", False, "a week has 7 days"),
        ("What is the answer to Q2?", False, "Q2 is a label"),
        ("What is $1,250 less 16?", True, "a computed number with a comma"),
    ],
)
def test_giveaway_is_a_computed_number_in_digits(question: str, result: bool, why: str) -> None:
    assert bool(giveaway_questions("She has 16 eggs and eats three.", [question])) is result, why


@pytest.mark.parametrize(
    ("answer", "result", "why"),
    [
        ("She eats 3 eggs.", True, "the problem says so"),
        ("16-3=13 eggs", False, "arithmetic"),
        ("She has 13 eggs left.", False, "13 is not stated"),
        ("She eats some eggs.", False, "no number at all"),
        ("A1: 16 eggs", True, "the label is no number"),
    ],
)
def test_given_is_an_answer_that_only_repeats_the_problem(answer: str, result: bool, why: str) -> None:
    assert bool(given_questions("She has 16 eggs and eats three.", [answer])) is result, why


@pytest.mark.parametrize(
    ("question", "given"),
    [
        ("How much does a pen cost?", True),
        ("How many pens does Ann have?", True),
        ("How many pens does Ben have?", False),
        ("How much does Ann pay?", False),
    ],
)
def test_what_a_plain_sentence_states_is_given(question: str, given: bool) -> None:
    text = "Ann has 4 pens. A pen costs 3 dollars. Ben has 2 more pens than Ann. What do they cost?"
    assert asks_given(text, question) is given


def test_repetition_ignores_case_and_punctuation() -> None:
    assert repeated_questions(["How many eggs?", "how many EGGS", "How many hens?"]) == [1]


def test_numbers_are_read_with_commas_decimals_and_currency() -> None:
    assert stated_numbers("$1,250.50 for 3-year-olds") == stated_numbers("1250.5 and three")
