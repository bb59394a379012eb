"""Which rows of recorded responses differ from behavioural cloning: the question that the paper's table leaves open.

Each learnt row is compared with the `bc` row of its backbone and solver, on the same problems: exact McNemar, with
Holm's correction over all rows of the solver, and a paired bootstrap interval of the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from eval_harness.reproduction.responses import FileFacts, FileScore
from eval_harness.scoring.significance import Comparison, compare, holm

BASELINE = "bc"


def compare_with_cloning(scored: Sequence[tuple[FileFacts, FileScore]]) -> list[Comparison | None]:
    """One comparison per file; None for a baseline, and for a file that has no baseline of its size."""
    found: list[Comparison | None] = [_compare(item, _baseline_of(item[0], scored)) for item in scored]
    for solver in dict.fromkeys(facts.solver for facts, _ in scored):
        places = [
            place for place, (facts, _) in enumerate(scored) if facts.solver == solver and found[place] is not None
        ]
        compared = [(place, comparison) for place in places if (comparison := found[place]) is not None]
        for (place, comparison), p_holm in zip(compared, holm([item.p_value for _, item in compared]), strict=True):
            found[place] = replace(comparison, p_holm=p_holm)
    return found


def comparison_report(comparison: Comparison) -> dict[str, Any]:
    """The comparison as --json holds it."""
    values = asdict(comparison)
    interval = values.pop("interval")
    return values | {"interval": [interval["low"], interval["high"]], "distinguishable": comparison.distinguishable}


def _baseline_of(
    facts: FileFacts, scored: Sequence[tuple[FileFacts, FileScore]]
) -> tuple[FileFacts, FileScore] | None:
    wanted = (facts.solver, BASELINE, facts.backbone)
    peers = (item for item in scored if (item[0].solver, item[0].method, item[0].backbone) == wanted)
    return None if facts.method == BASELINE or not facts.backbone else next(peers, None)


def _compare(item: tuple[FileFacts, FileScore], baseline: tuple[FileFacts, FileScore] | None) -> Comparison | None:
    if baseline is None or item[1].n != baseline[1].n:
        return None
    rows = {facts.label: _correctness(score) for facts, score in (item, baseline)}
    return compare(rows, baseline[0].label)[item[0].label]


def _correctness(score: FileScore) -> dict[str, float]:
    return {str(row): float(verdict.verdict == "correct") for row, verdict in enumerate(score.verdicts)}
