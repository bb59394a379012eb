"""A study's claims held against its cells: each holds, does not hold, or is not distinguishable from its contrary.

A claim compares two sets of cells on the problems that both answered. Where several cells are on a side (seeds,
backbones, solvers) their outcomes on a problem are averaged first, because two runs on one problem are no independent
draws; so n counts problems. For one cell a side `higher` is McNemar's exact test.

    higher         exact sign test over the problems on which the sides differ
    not_lower      the difference against -margin, normal, two-sided
    fewer_tokens   exact sign test over which side took fewer tokens on a problem

p is corrected by Holm over all claims of the study that could be tested; intervals are paired bootstraps over
problems.

Differences from recipes/experiments/offline_rl: there every seed has test problems of its own, and pairs of problem
and seed are pooled; here all seeds share theirs, so that the problem is what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean, pstdev

from dataset_builder.core.intervals import Interval
from eval_harness.scoring.significance import holm, mcnemar_exact, paired_bootstrap
from eval_harness.study.cells import Cell, choose
from eval_harness.study.study_file import Claim

HOLDS, FAILS, OPEN, NOT_RUN = "holds", "does not hold", "not distinguishable", "not run"
LEVEL = 0.05


@dataclass(frozen=True)
class Finding:
    """What became of one claim."""

    name: str
    """The claim's short name."""
    claim: Claim
    """As the study's file has it."""
    verdict: str
    """HOLDS, FAILS, OPEN or NOT_RUN."""
    row: float = math.nan
    """Mean accuracy, or tokens per problem, of the claim's row."""
    than: float = math.nan
    """Of what it is compared with."""
    difference: float = math.nan
    """row - than."""
    interval: Interval | None = None
    """Of the difference, 95 %."""
    n: int = 0
    """Problems."""
    seeds: int = 0
    """Of training, on the side that has more."""
    p_value: float = math.nan
    """Two-sided."""
    p_holm: float = math.nan
    """The same, corrected."""

    @property
    def in_tokens(self) -> bool:
        """Whether the numbers are tokens and not accuracies."""
        return self.claim.test == "fewer_tokens"


def findings_of(claims: Mapping[str, Claim], cells: Sequence[Cell], backbones: Sequence[str]) -> list[Finding]:
    """What became of every claim, in the order of the study.

    Args:
        claims: by short name.
        cells: all of the study.
        backbones: of the scale, in its order.
    """
    found = [_test(name, claim, cells, backbones) for name, claim in claims.items()]
    tested = [finding for finding in found if finding.verdict != NOT_RUN]
    corrected = dict(zip([item.name for item in tested], holm([item.p_value for item in tested]), strict=True))
    return [_judged(replace(item, p_holm=corrected[item.name])) if item.name in corrected else item for item in found]


def _test(name: str, claim: Claim, cells: Sequence[Cell], backbones: Sequence[str]) -> Finding:
    """The claim with its numbers; its verdict comes after the correction."""
    row, than = (choose(cells, which, backbones) for which in (claim.row, claim.than))
    sides = [_outcomes(side, in_tokens=claim.test == "fewer_tokens") for side in (row, than)]
    shared = sorted(sides[0].keys() & sides[1].keys())
    if not shared:
        return Finding(name, claim, NOT_RUN)
    differences = [sides[0][problem] - sides[1][problem] for problem in shared]
    difference, interval, n = paired_bootstrap(*sides)
    of_row, of_than = (fmean(side[problem] for problem in shared) for side in sides)
    seeds = max(len({cell.seed for cell in side if cell.trained}) for side in (row, than))
    p_value = _beyond(differences, -claim.margin) if claim.test == "not_lower" else _signs(differences)
    return Finding(name, claim, OPEN, of_row, of_than, difference, interval, n, seeds, p_value)


def _outcomes(cells: Sequence[Cell], *, in_tokens: bool) -> dict[str, float]:
    """problem_id -> the cells' mean on it."""
    each = [cell.tokens() if in_tokens else cell.pair.correctness for cell in cells]
    shared = set.intersection(*(set(item) for item in each)) if each else set()
    return {problem: fmean(item[problem] for item in each) for problem in shared}


def _signs(differences: Sequence[float]) -> float:
    more, fewer = (sum(sign * item > 1e-12 for item in differences) for sign in (1, -1))
    return mcnemar_exact(more, fewer)


def _beyond(differences: Sequence[float], border: float) -> float:
    """Two-sided p of the mean difference against a border."""
    error = pstdev(differences) / math.sqrt(len(differences))
    distance = abs(fmean(differences) - border)
    if error == 0:
        return 0.0 if distance else 1.0
    return 2 * NormalDist().cdf(-distance / error)


def _judged(finding: Finding) -> Finding:
    lead = {
        "higher": finding.difference,
        "not_lower": finding.difference + finding.claim.margin,
        "fewer_tokens": -finding.difference,
    }[finding.claim.test]
    decided = finding.p_holm < LEVEL and lead != 0
    return replace(finding, verdict=OPEN if not decided else HOLDS if lead > 0 else FAILS)
