"""Descriptive statistics, worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builder.stats.descriptive import (
    confusion,
    pearson,
    precision_recall,
    proportion,
    roc_auc,
    summary,
)


def test_description_of_four_numbers_worked_by_hand() -> None:
    # mean 5, squared distances 9 + 1 + 1 + 9 = 20, population sd sqrt(20 / 4) = sqrt 5
    assert summary([2, 4, 6, 8]) == {"n": 4, "mean": 5, "sd": pytest.approx(5**0.5), "median": 5, "min": 2, "max": 8}


def test_auc_counts_a_tie_half() -> None:
    # pairs: (3 > 1) 1, (3 > 2) 1, (2 > 1) 1, (2 = 2) half -> 3.5 of 4
    assert roc_auc([1, 2, 2, 3], [False, False, True, True]) == 3.5 / 4


def test_auc_of_one_kind_alone_is_undefined() -> None:
    assert roc_auc([1, 2], [True, True]) is None


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_auc_equals_the_share_of_ordered_pairs(items: list[tuple[int, bool]]) -> None:
    positives = [score for score, positive in items if positive]
    negatives = [score for score, positive in items if not positive]
    expected = None
    if positives and negatives:
        wins = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
        expected = pytest.approx(wins / (len(positives) * len(negatives)))
    assert roc_auc([score for score, _ in items], [positive for _, positive in items]) == expected


def test_pearson_of_four_points_worked_by_hand():
    # deviations (-1.5 -.5 .5 1.5) and (-1 1 -1 1) -> None: products 1.5 - .5 - .5 + 1.5 = 2; sqrt(5 * 4) = sqrt 20
    assert pearson([1, 2, 3, 4], [0, 2, 0, 2]) == pytest.approx(2 / 20**0.5)


def test_pearson_of_a_constant_is_undefined() -> None:
    assert pearson([1, 1], [0, 1]) is None


def test_confusion_precision_and_recall_worked_by_hand() -> None:
    counts = confusion([True, True, False, False, True], [True, False, True, False, True])
    assert counts == {"true_positive": 2, "false_positive": 1, "false_negative": 1, "true_negative": 1}
    assert precision_recall(counts) == (2 / 3, 2 / 3)


def test_nothing_predicted_has_no_precision() -> None:
    assert precision_recall(confusion([False], [True])) == (None, 0.0)


def test_share_of_nothing_is_none() -> None:
    assert proportion(0, 0) is None
