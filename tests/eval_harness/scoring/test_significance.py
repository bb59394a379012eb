"""Every number here is worked by hand or follows from a definition; see the comments."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from dataset_builder.core.intervals import wilson
from eval_harness.scoring.significance import (
    bootstrap_mean,
    compare_with_baseline,
    holm,
    mcnemar_exact,
    paired_bootstrap,
    smallest_detectable_effect,
)


@pytest.mark.parametrize(
    ("row_only", "baseline_only", "p_value"),
    [
        (0, 0, Fraction(1)),  # no disagreement says nothing
        (0, 5, Fraction(2, 32)),  # 2 * C(5,0) / 2^5
        (5, 0, Fraction(2, 32)),  # two-sided: the direction does not matter
        (1, 5, Fraction(14, 64)),  # 2 * (1 + 6) / 2^6
        (3, 3, Fraction(1)),  # 2 * (1 + 6 + 15 + 20) / 64 is above 1
        (2, 8, Fraction(2 * (1 + 10 + 45), 1024)),
    ],
)
def test_mcnemar_is_the_two_sided_binomial_tail(row_only: int, baseline_only: int, p_value: Fraction) -> None:
    assert mcnemar_exact(row_only, baseline_only) == pytest.approx(float(p_value))


def test_mcnemar_of_a_thousand_disagreements_does_not_overflow() -> None:
    assert 0 < mcnemar_exact(400, 900) < 1e-40


def test_holm_is_monotone_and_keeps_the_order_given() -> None:
    # sorted 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1 -> 0.02, 0.03, 0.06, then not below 0.06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_exceeds_one() -> None:
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_bootstrap_of_equal_values_has_no_width() -> None:
    interval = bootstrap_mean([0.25] * 7)
    assert (interval.low, interval.high) == (0.25, 0.25)


def test_bootstrap_is_the_same_for_the_same_seed_and_close_to_wilson() -> None:
    values = [1.0] * 600 + [0.0] * 400
    interval, wilsons = bootstrap_mean(values, seed=3), wilson(600, 1000)
    assert interval == bootstrap_mean(values, seed=3)
    assert interval.low == pytest.approx(wilsons.low, abs=0.006)
    assert interval.high == pytest.approx(wilsons.high, abs=0.006)


def test_bootstrap_by_counts_has_the_spread_of_drawing_problems_one_by_one() -> None:
    values = np.array([0.0, 0.3, 0.3, 1.0] * 25)
    rng = np.random.default_rng(1)
    drawn = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(4000)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    interval = bootstrap_mean(values.tolist())
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.01)


def test_paired_bootstrap_uses_shared_problems_only() -> None:
    difference, interval, n = paired_bootstrap({"a": 1, "b": 1, "x": 0}, {"a": 0, "b": 1, "y": 1})
    assert (difference, n) == (0.5, 2)
    assert interval.low <= 0.5 <= interval.high


def test_paired_bootstrap_without_shared_problems_is_refused() -> None:
    with pytest.raises(ValueError, match="share no problem"):
        paired_bootstrap({"a": 1}, {"b": 1})


def test_smallest_effect_is_all_discordant_problems_where_they_lean_one_way() -> None:
    # q = d = 0.1: 6 problems of one side are the fewest with 2 / 2^m < 5 %; P(Bin(n, 0.1) >= 6) passes 80 % at n = 78
    assert math.isnan(smallest_detectable_effect(77, 0.1))
    assert smallest_detectable_effect(78, 0.1) == pytest.approx(0.1, abs=0.001)


def test_smallest_effect_halves_with_four_times_the_problems() -> None:
    # for d^2 << q, and with many problems: d = (1.96 + 0.8416) sqrt(q / n) = 2.8016 * sqrt(0.2 / 10000) = 0.01253
    assert smallest_detectable_effect(10_000, 0.2) == pytest.approx(0.01253, abs=1.5e-4)
    assert smallest_detectable_effect(40_000, 0.2) == pytest.approx(0.01253 / 2, abs=5e-5)


@pytest.mark.parametrize(("n", "discordant"), [(300, 0.2), (100, 0.35), (1319, 0.15)])
def test_the_exact_test_reaches_the_stated_power(n: int, discordant: float) -> None:
    effect = smallest_detectable_effect(n, discordant)
    tables = draw_tables(n, discordant, effect, 20_000)
    found = np.mean([mcnemar_exact(*table) < 0.05 for table in tables])
    assert found == pytest.approx(0.8, abs=0.01)  # 3.5 standard errors of 20,000 draws


@pytest.mark.parametrize("other_effect", [0.0, 0.03])
def test_the_stated_power_is_reached_after_holms_correction_too(other_effect: float) -> None:
    n, discordant, rows = 300, 0.2, 4
    effect = smallest_detectable_effect(n, discordant, level=0.05 / rows)
    own = draw_tables(n, discordant, effect, 8_000, seed=1)
    others = [draw_tables(n, discordant, other_effect, 8_000, seed=seed) for seed in range(2, rows + 1)]
    found = [holm([mcnemar_exact(*one) for one in run])[0] < 0.05 for run in zip(own, *others, strict=True)]
    assert np.mean(found) > 0.79


def draw_tables(n: int, discordant: float, effect: float, count: int, seed: int = 0) -> list[tuple[int, int]]:
    """Problems that only the row, and only the baseline, got right, of so many evaluations."""
    chances = [(discordant + effect) / 2, (discordant - effect) / 2, 1 - discordant]
    drawn = np.random.default_rng(seed).multinomial(n, chances, size=count)
    return [(int(row), int(baseline)) for row, baseline, _ in drawn]


def test_compare_corrects_over_all_rows_and_counts_discordant_problems() -> None:
    keys = [f"p{index}" for index in range(10)]
    baseline = dict.fromkeys(keys, 0.0)
    better = baseline | dict.fromkeys(keys[:6], 1.0)
    same = dict(baseline)
    result = compare_with_baseline({"none": baseline, "better": better, "same": same}, "none")
    assert set(result) == {"better", "same"}
    assert (result["better"].row_only, result["better"].baseline_only) == (6, 0)
    assert result["better"].p_value == pytest.approx(2 / 64)
    assert result["better"].p_holm == pytest.approx(4 / 64)
    assert not result["better"].distinguishable
    assert result["same"].p_holm == 1
