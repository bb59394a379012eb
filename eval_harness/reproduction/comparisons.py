"""Which rows of recorded responses differ from behavioural cloning: the question that the paper's table leaves open.

Each learnt row is compared with the `bc` row of its backbone and solver, on the same problems: exact McNemar, with
Holm's correction over all rows of the solver, and a paired bootstrap interval of the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from eval_harness.reproduction.responses import FileScore
from eval_harness.scoring.significance import Comparison, compare_with_baseline, holm
from eval_harness.systems.published import FileMetadata

BASELINE = "bc"


Scored = tuple[FileMetadata, FileScore]


def compare_with_cloning(scored: Sequence[Scored]) -> list[Comparison | None]:
    """One comparison per file; None for a baseline, and for a file that has no baseline of its size."""
    results = [_compare(item, _baseline_of(item[0], scored)) for item in scored]
    for solver in dict.fromkeys(metadata.solver for metadata, _ in scored):
        compared = [
            (index, result)
            for index, result in enumerate(results)
            if result is not None and scored[index][0].solver == solver
        ]
        corrected = holm([result.p_value for _, result in compared])
        for (index, result), p_holm in zip(compared, corrected, strict=True):
            results[index] = replace(result, p_holm=p_holm)
    return results


def comparison_report(comparison: Comparison) -> dict[str, Any]:
    """The comparison as --json holds it."""
    values = asdict(comparison)
    interval = values.pop("interval")
    return values | {"interval": [interval["low"], interval["high"]], "distinguishable": comparison.distinguishable}


def _baseline_of(metadata: FileMetadata, scored: Sequence[Scored]) -> Scored | None:
    key = (metadata.solver, BASELINE, metadata.backbone)
    peers = (item for item in scored if (item[0].solver, item[0].method, item[0].backbone) == key)
    return None if metadata.method == BASELINE or not metadata.backbone else next(peers, None)


def _compare(item: Scored, baseline: Scored | None) -> Comparison | None:
    if baseline is None or item[1].total.n != baseline[1].total.n:
        return None
    rows = {metadata.label: _correctness(score) for metadata, score in (item, baseline)}
    return compare_with_baseline(rows, baseline[0].label)[item[0].label]


def _correctness(score: FileScore) -> dict[str, float]:
    return {str(row): float(verdict.verdict == "correct") for row, verdict in enumerate(score.verdicts)}
