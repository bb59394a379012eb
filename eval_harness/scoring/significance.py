"""Which differences between rows are real: intervals, paired tests and the smallest effect a test set can show.

All functions are pure. Outcomes are one number per problem (0 or 1; F1 for DROP), and two rows are always compared on
the problems they share: an unpaired test on paired data throws most of its power away.

Source: McNemar 1947 in its exact binomial form; Holm 1979; Efron 1979 (percentile bootstrap).
Differences: 1. the bootstrap draws counts of the distinct values from a multinomial, which has the same distribution
as drawing problems one by one and is some hundred times faster for 0/1 outcomes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dataset_builder.core.intervals import Interval


@dataclass(frozen=True)
class Comparison:
    """One row against the baseline."""

    row: str
    """The row's label."""
    baseline: str
    """The baseline's label."""
    n: int
    """Problems that both answered."""
    difference: float
    """Row minus baseline, mean over those problems."""
    interval: Interval
    """Its 95 % interval."""
    row_only: int
    """Problems that only the row got right."""
    baseline_only: int
    """Problems that only the baseline got right."""
    p_value: float
    """McNemar's, exact and two-sided."""
    p_holm: float
    """The same, corrected over the table it stands in."""

    @property
    def distinguishable(self) -> bool:
        """Whether the difference survives Holm's correction at 5 %."""
        return self.p_holm < 0.05


def mcnemar_exact(row_only: int, baseline_only: int) -> float:
    """Two-sided exact p-value that `row_only` and `baseline_only` come from a fair coin.

    >>> mcnemar_exact(1, 5)  # 2 * (C(6,0) + C(6,1)) / 2**6
    0.21875
    """
    n, k = row_only + baseline_only, min(row_only, baseline_only)
    term, total = 1, 0
    for i in range(k + 1):
        total += term
        term = term * (n - i) // (i + 1)
    return min(1.0, 2 * total / 2**n)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given.

    >>> [round(p, 6) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def bootstrap_mean(
    values: Sequence[float], *, resamples: int = 10_000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Percentile bootstrap interval of the mean of `values`, resampling problems.

    Args:
        values: one number per problem.
        resamples: draws.
        seed: of the draws.
        level: of the interval.
    """
    distinct, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    n = int(counts.sum())
    draws = np.random.default_rng(seed).multinomial(n, counts / n, size=resamples)
    low, high = np.quantile(draws @ distinct / n, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def paired_bootstrap(
    row: Mapping[str, float], baseline: Mapping[str, float], *, resamples: int = 10_000, seed: int = 0
) -> tuple[float, Interval, int]:
    """Mean difference row - baseline on the shared problems, its 95 % interval, and how many problems are shared.

    Args:
        row: problem_id -> score.
        baseline: problem_id -> score.
        resamples: draws of the bootstrap.
        seed: of the draws.

    Raises:
        ValueError: the two share no problem.
    """
    shared = sorted(row.keys() & baseline.keys())
    if not shared:
        raise ValueError("the two rows share no problem")
    differences = [row[problem] - baseline[problem] for problem in shared]
    interval = bootstrap_mean(differences, resamples=resamples, seed=seed)
    return sum(differences) / len(shared), interval, len(shared)


def smallest_detectable_effect(n: int, discordant: float, *, level: float = 0.05, power: float = 0.8) -> float:
    """The smallest true difference of accuracies that the exact paired test of `n` problems finds with this power.

    The number of problems on which the rows differ is binomial, and given that number the exact test's outcome is
    known, so the power is summed, not approximated. The share of `discordant` problems is the largest difference
    possible; nan where even that is not found. After Holm's correction over k rows the power holds at level / k.

    Args:
        n: problems that both rows answered.
        discordant: share of them on which the rows differ.
        level: of the two-sided test.
        power: the chance to find the effect.
    """
    from scipy.optimize import brentq

    if discordant <= 0 or exact_power(n, discordant, discordant, level) < power:
        return math.nan
    return float(brentq(lambda effect: exact_power(n, discordant, effect, level) - power, 0, discordant, xtol=1e-6))


def exact_power(n: int, discordant: float, effect: float, level: float = 0.05) -> float:
    """The chance that `mcnemar_exact` of `n` problems stays below `level`.

    Args:
        n: problems that both rows answered.
        discordant: the chance that the rows differ on one.
        effect: the true difference of accuracies, at most `discordant`.
        level: of the two-sided test.
    """
    from scipy.stats import binom

    first, last = binom.ppf([1e-9, 1 - 1e-9], n, discordant)
    differing = np.arange(first, last + 1)
    most = binom.ppf(level / 2, differing, 0.5)  # of the rarer side, for the test to find something
    most -= binom.cdf(most, differing, 0.5) > level / 2
    leaning = (1 + effect / discordant) / 2
    found = binom.cdf(most, differing, leaning) + binom.cdf(most, differing, 1 - leaning)
    return float(binom.pmf(differing, n, discordant) @ found)


def compare_with_baseline(rows: Mapping[str, Mapping[str, float]], baseline: str) -> dict[str, Comparison]:
    """Every other row against `baseline`, with Holm's correction over all of them.

    Args:
        rows: label -> problem_id -> score; a score of at least 0.5 counts as right in McNemar's test.

    Raises:
        KeyError: there is no such baseline row.
        ValueError: a row shares no problem with the baseline.
    """
    compared = [_compare(label, rows[label], baseline, rows[baseline]) for label in rows if label != baseline]
    corrected = holm([comparison.p_value for comparison in compared])
    pairs = zip(compared, corrected, strict=True)
    return {comparison.row: replace(comparison, p_holm=p_holm) for comparison, p_holm in pairs}


def _compare(row: str, scores: Mapping[str, float], baseline: str, reference: Mapping[str, float]) -> Comparison:
    difference, interval, n = paired_bootstrap(scores, reference)
    shared = scores.keys() & reference.keys()
    row_only = sum(scores[key] >= 0.5 > reference[key] for key in shared)
    baseline_only = sum(reference[key] >= 0.5 > scores[key] for key in shared)
    p_value = mcnemar_exact(row_only, baseline_only)
    return Comparison(row, baseline, n, difference, interval, row_only, baseline_only, p_value, p_holm=p_value)
