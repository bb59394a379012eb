"""DROP's official scores, the normalised match, yes and no."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builder.answers.spans import drop_scores, normalised_match, yes_no


@pytest.mark.parametrize(
    ("prediction", "golds", "expected", "why"),
    [
        ("the Cowboys", ["cowboys"], (1, 1), "articles and case do not count"),
        ("4.0", ["4"], (1, 1), "numbers are compared as floats"),
        ("10,000", ["10000"], (1, 1), "punctuation is dropped before numbers are read"),
        ("twenty-one men", ["twenty one men"], (1, 1), "a hyphen separates words"),
        ("5 yards", ["4 yards"], (0, 0), "a wrong number is worth nothing, whatever the words"),
        ("yards", ["4 yards"], (0, 0), "a missing number is worth nothing"),
        ("4 long yards", ["4 yards"], (0, 0.8), "a further word costs precision: 2 * (2/3 * 1) / (2/3 + 1)"),
        ("a b c", ["a b c d"], (0, 0.8), "article a drops out: bags {b,c} and {b,c,d}"),
        ("Tony Romo", ["Shaun Hill", "Romo"], (0, 0.67), "the best right answer counts"),
        (["Romo", "Hill"], [["Hill", "Romo"]], (1, 1), "several spans in any order"),
        (["Romo"], [["Hill", "Romo"]], (0, 0.5), "a missing span halves the F1"),
        (["Romo", "Hill", "Owens"], [["Hill", "Romo"]], (0, 0.67), "a further span is divided by"),
        (["Romo", "Romo"], [["Romo"]], (0, 0.5), "the same span twice is not one span"),
        ("", ["Romo"], (0, 0), "nothing said"),
        ("Romo", [""], (0, 0), "a blank right answer is passed over"),
        ("Romo", [], (0, 0), "no right answer"),
    ],
)
def test_drop_scores_follow_the_official_rule(
    prediction: str | list[str], golds: list[str], expected: tuple[float, float], why: str
) -> None:
    assert drop_scores(prediction, golds) == pytest.approx(expected), why


WORDS = ("red", "blue", "green", "old")
SPANS = st.lists(st.sets(st.sampled_from(WORDS), min_size=1).map(" ".join), min_size=1, max_size=4)


def word_f1(left: str, right: str) -> float:
    left_words, right_words = set(left.split()), set(right.split())
    return 2 * len(left_words & right_words) / (len(left_words) + len(right_words))


@given(SPANS, SPANS)
def test_the_alignment_of_spans_is_the_best_of_all(predicted: list[str], golds: list[str]) -> None:
    few, many = sorted((predicted, golds), key=len)
    totals = [sum(map(word_f1, few, order)) for order in itertools.permutations(many, len(few))]
    assert drop_scores(predicted, [golds])[1] == pytest.approx(max(totals) / len(many), abs=0.00501)


def test_very_many_spans_are_aligned_without_a_search_over_all_sets() -> None:
    spans = [f"span{index}" for index in range(40)]
    assert drop_scores(spans, [spans[::-1]]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("prediction", "gold", "matches"),
    [
        ("James Madison", "james madison", True),
        ("It was James Madison.", "james madison", True),
        ("The president was not James Madison", "james madison", False),
        ("James Madison or Monroe", "james madison", False),
        ("Madison", "james madison", False),
        ("June 20, 1837", "20 June 1837", True),
        ("1,024", "1024", True),
        ("1024 people", "102", False),
        ("Zürich", "Zurich", True),
        ("", "anything", False),
    ],
)
def test_a_short_answer_matches_by_words_not_by_letters(prediction: str, gold: str, matches: bool) -> None:
    assert normalised_match(prediction, [gold]) is matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Yes", True),
        ("no.", False),
        ("**No**, it did not", False),
        ("Yes, there is no doubt", True),
        ("True", True),
        ("The answer is no", False),
        ("I know nothing of it", None),
        ("It is either yes or no", None),
        ("", None),
        (None, None),
    ],
)
def test_yes_and_no_are_words(text: str | None, message: bool | None) -> None:
    assert yes_no(text) is message
