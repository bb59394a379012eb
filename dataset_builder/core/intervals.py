"""Confidence intervals of a share.

Source: Wilson 1927.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class Interval:
    """A confidence interval of a fraction or of a difference of fractions."""

    low: float
    """The lower end."""
    high: float
    """The upper end."""


def wilson(successes: float, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of `successes` out of `n`; it is never empty at 0 % or 100 %.

    Raises:
        ValueError: `n` is not positive.

    >>> interval = wilson(5, 10)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.2366, 0.7634)
    """
    if n <= 0:
        raise ValueError(f"an interval needs at least one case, found {n}")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(centre - half if successes else 0.0, centre + half if successes < n else 1.0)
