"""Small exact statistics: moments, histograms, shares, ranking and correlation. Pure functions of numbers."""

from __future__ import annotations

import collections
import statistics
from collections.abc import Iterable, Sequence

from dataset_builder.core.intervals import wilson


def summary(values: Sequence[float]) -> dict[str, float]:
    """n, mean, sd (of the population), median, min and max; only n when there are no values.

    >>> summary([1, 2, 3, 6])["median"]
    2.5
    """
    if not values:
        return {"n": 0}
    return {
        "n": len(values),
        "mean": statistics.fmean(values),
        "sd": statistics.pstdev(values),
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
    }


def histogram(values: Iterable[int]) -> dict[str, int]:
    """Counts by value, ascending; keys are text because JSON's are.

    >>> histogram([2, 10, 2])
    {'2': 2, '10': 1}
    """
    return {str(value): count for value, count in sorted(collections.Counter(values).items())}


def proportion(successes: int, n: int) -> dict[str, float | int | list[float]] | None:
    """A share with its count and 95 % interval; None of nothing."""
    if n == 0:
        return None
    interval = wilson(successes, n)
    return {"share": successes / n, "successes": successes, "n": n, "interval": [interval.low, interval.high]}


def roc_auc(scores: Sequence[float], positives: Sequence[bool]) -> float | None:
    """The chance that a positive scores above a negative, ties counting half; None without both kinds.

    >>> roc_auc([0.1, 0.4, 0.4, 0.8], [False, False, True, True])
    0.875
    """
    above = [score for score, positive in zip(scores, positives, strict=True) if positive]
    below = [score for score, positive in zip(scores, positives, strict=True) if not positive]
    if not above or not below:
        return None
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(above, below, method="asymptotic").statistic / (len(above) * len(below)))


def pearson(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's correlation; None when either side does not vary.

    >>> pearson([1, 2, 3], [2, 4, 6])
    1.0
    """
    if len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return statistics.correlation(first, second)


def confusion(predicted: Sequence[bool], actual: Sequence[bool]) -> dict[str, int]:
    """The four counts of a prediction: true_positive, false_positive, false_negative, true_negative."""
    counts = collections.Counter(zip(predicted, actual, strict=True))
    return {
        "true_positive": counts[True, True],
        "false_positive": counts[True, False],
        "false_negative": counts[False, True],
        "true_negative": counts[False, False],
    }


def precision_recall(counts: dict[str, int]) -> tuple[float | None, float | None]:
    """Precision and recall of a `confusion`; None where the denominator is zero."""
    hits = counts["true_positive"]
    predicted, actual = hits + counts["false_positive"], hits + counts["false_negative"]
    return hits / predicted if predicted else None, hits / actual if actual else None
