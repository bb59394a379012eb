"""In which order rows stand wherever they are shown, and which two of them a page opens on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from eval_harness.records.results import ResultsRecord
from eval_harness.records.rows import PairRow

TRAINED = "checkpoint"
CANDIDATES = 3
"""Rows of a solver that a page chooses from where fewer than two were trained."""


def rank(record: ResultsRecord) -> tuple[str, float, str]:
    """What rows are sorted by: solver by solver, the best first."""
    return str(record.solver["label"]), -record.accuracy, record.label


def ranked(rows: Sequence[PairRow]) -> list[PairRow]:
    """The rows solver by solver, the best of each first."""
    return sorted(rows, key=lambda row: rank(row.record))


def opening_pair(rows: Sequence[PairRow]) -> tuple[PairRow, PairRow]:
    """The two trained rows of one solver that differ on the most problems, the better one first.

    Where no solver has two, they are of its best rows; a lone row stands beside itself.
    """
    by_solver = [list(group) for _, group in itertools.groupby(ranked(rows), lambda row: row.record.solver["label"])]
    trained = [[row for row in group if row.record.decomposer["kind"] == TRAINED] for group in by_solver]
    groups = [group for group in trained if len(group) > 1] or [group[:CANDIDATES] for group in by_solver]
    pairs = [pair for group in groups for pair in itertools.combinations(group, 2)]
    return max(pairs, key=lambda pair: _differing(*pair), default=(rows[0], rows[0]))


def _differing(left: PairRow, right: PairRow) -> int:
    """On how many problems the verdicts differ."""
    verdicts = [{(score.problem_id, score.seed): score.verdict for score in row.scores} for row in (left, right)]
    return sum(verdicts[0][key] != verdicts[1][key] for key in verdicts[0].keys() & verdicts[1].keys())
