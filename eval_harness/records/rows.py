"""The rows of a grid: each pair's record with the verdict on every problem, as every table and page reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_jsonl
from eval_harness.records.results import ResultsRecord
from eval_harness.records.same_set import load_comparable
from eval_harness.records.verdicts import ProblemScore, mean_by_problem


@dataclass(frozen=True)
class PairRow:
    """One pair of the grid."""

    record: ResultsRecord
    """Its score and everything that shaped it."""
    scores: Sequence[ProblemScore]
    """The verdict on every problem and seed."""

    @property
    def correctness(self) -> dict[str, float]:
        """problem_id -> share of seeds whose verdict is `correct`."""
        return mean_by_problem(self.scores, correctness=True)


def pair_name(decomposer: str, solver: str) -> str:
    """The pair as a file name.

    >>> pair_name("bc", "Qwen/Qwen2.5-0.5B")
    'bc--Qwen-Qwen2.5-0.5B'
    """
    return "--".join(re.sub(r"[^\w.@+-]+", "-", part).strip("-") for part in (decomposer, solver))


def load_rows(output: Path) -> list[PairRow]:
    """The rows of a finished run, from its records and verdicts.

    Raises:
        UserError: a file is missing or is no such file, or the records do not belong in one table.
    """
    rows = []
    for record in load_comparable(output):
        path = output / "verdicts" / f"{record.name}.jsonl"
        try:
            rows.append(PairRow(record, [ProblemScore(**line) for line in read_jsonl(path)]))
        except TypeError as error:
            raise UserError(f"{path} holds no verdicts: {error}") from error
    return rows
