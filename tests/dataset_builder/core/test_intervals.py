"""Every number here is worked by hand or follows from a definition; see the comments."""

from __future__ import annotations

from statistics import NormalDist

import pytest

from dataset_builder.core.intervals import wilson

Z2 = 1.959963984540054**2


def test_wilson_of_one_in_two_worked_by_hand() -> None:
    # z = 2: centre (1/2 + 4/4) / (1 + 2) = 1/2; spread 2 sqrt(1/8 + 4/16) / 3 = 2 sqrt(3/8) / 3
    interval = wilson(1, 2, level=2 * NormalDist().cdf(2) - 1)
    spread = 2 * (3 / 8) ** 0.5 / 3
    assert (interval.low, interval.high) == pytest.approx((0.5 - spread, 0.5 + spread))


def test_wilson_at_none_right_is_not_an_empty_interval() -> None:
    # p = 0: centre = half = (z^2 / 2n) / (1 + z^2 / n), so high = z^2 / (n + z^2)
    interval = wilson(0, 10)
    assert interval.low == 0
    assert interval.high == pytest.approx(Z2 / (10 + Z2))


def test_wilson_at_all_right_mirrors_none_right() -> None:
    interval = wilson(10, 10)
    assert interval.low == pytest.approx(1 - wilson(0, 10).high)
    assert interval.high == 1


def test_wilson_of_the_published_chatgpt_row() -> None:
    interval = wilson(900, 1319)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.6567, 0.7069)


def test_wilson_of_no_problems_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one case"):
        wilson(0, 0)
