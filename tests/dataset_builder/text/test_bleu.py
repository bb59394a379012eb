"""BLEU and granularity by hand."""

from __future__ import annotations

import math

import pytest

from dataset_builder.text.bleu import bleu, fluency, granularity


@pytest.mark.parametrize(
    ("generated", "reference", "value"), [(4, 4, 1.0), (4, 3, 0.75), (2, 3, 0.5), (1, 3, -1.0), (0, 2, 0)]
)
def test_granularity_is_relative_to_the_generated_number(generated: int, reference: int, value: float) -> None:
    assert granularity(generated, reference) == value


def test_bleu_of_equal_texts_is_one_and_of_disjoint_texts_zero() -> None:
    words = ["a", "b", "c", "d", "e"]
    assert bleu([words], [words]) == pytest.approx(1)
    assert bleu([words], [["v", "w", "x", "y", "z"]]) == 0


def test_bleu_clips_a_repeated_word_to_its_count_in_the_reference() -> None:
    # Papineni's example: "the" seven times against a reference with two: p1 = 2/7, no brevity penalty (7 >= 6)
    assert bleu([["the"] * 7], [["the", "cat", "is", "on", "the", "mat"]], order=1) == pytest.approx(2 / 7)


def test_bleu_punishes_a_short_candidate() -> None:
    # p1 = 1, c = 2, r = 4: exp(1 - 4 / 2)
    assert bleu([["a", "b"]], [["a", "b", "c", "d"]], order=1) == pytest.approx(math.exp(-1))


def test_bleu_sums_counts_over_the_corpus() -> None:
    # matches 2 + 0 of 2 + 2 unigrams; the mean of the two sentences' own BLEU would be the same only by chance
    assert bleu([["a", "b"], ["x", "y", "z"]], [["a", "b"], ["u", "v", "w"]], order=1) == pytest.approx(2 / 5)


def test_bleu_refuses_lists_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="1 candidates, 0 references"):
        bleu([["a"]], [])


def test_fluency_is_the_mean_of_bleu_1_to_4() -> None:
    generated, reference = ["How many pens does Ann have now?"], ["How many pens does Ann have left?"]
    # tokens: 8 each, 7 equal; n-grams matching: 7/8, 5/7, 4/6, 3/5
    precisions = [7 / 8, 5 / 7, 4 / 6, 3 / 5]
    expected = [math.prod(precisions[:n]) ** (1 / n) for n in (1, 2, 3, 4)]
    assert fluency([generated], [reference]) == pytest.approx(sum(expected) / 4)
