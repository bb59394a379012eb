"""Python use in a few lines: how many problems a solver gets right with a decomposer's sub-questions.

    from eval_harness import score

    mine = [{"question": "Ann has 3 pens and buys 2. How many pens does Ann have?", "answer": "5"}]
    pair = score("checkpoint:outputs/demo/filtered_bc", "openai:gpt-4o-mini", mine)
    pair.accuracy, pair.low, pair.high, pair.verdicts          # (1.0, 0.21, 1.0, {"mine-...": "correct"})

Names are those of `python -m eval_harness.run`, whose keys are taken as options. Nothing is kept unless `output` names
a folder: then requests that its journal holds are not asked again, and `eval_harness.report` and `browse` read it.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import build_config
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_jsonl
from dataset_builder.core.values import nearest
from eval_harness.pipeline.config import EvalConfig
from eval_harness.pipeline.grid import run_config
from eval_harness.records.results import ResultsRecord


@dataclass(frozen=True)
class PairScore:
    """How one pair did."""

    accuracy: float
    """The share of right answers."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end."""
    verdicts: dict[str, str]
    """By problem_id: correct, incorrect, no_answer, parse_failure, request_failed (the last seed's)."""
    record: ResultsRecord
    """Everything that shaped it: prompts, models, tokens, cost."""


def score(
    decomposer: str,
    solver: str,
    problems: str | Sequence[Mapping[str, str]] = "gsm8k",
    output: str = "",
    **options: Any,
) -> PairScore:
    """Scores one decomposer + solver pair.

    Args:
        decomposer: checkpoint:PATH, api:MODEL, recorded:FILE, published:FILE, reference, none, ...
        solver: openai:MODEL, transformers:PATH, ...
        problems: a source's name, a jsonl file, a dataset folder, or rows with `question` and `answer`.
        output: a folder that everything is kept in; empty: nothing is kept.
        options: further keys of `python -m eval_harness.run`: limit, split, base_url, max_cost_usd, ...

    Raises:
        UserError: an unknown option, problems or systems that are not there, requests that had to stop.
    """
    known = [field.name for field in dataclasses.fields(EvalConfig)]
    if unknown := [name for name in options if name not in known]:
        raise UserError(f"score() has no option {unknown[0]!r}{nearest(unknown[0], known)}")
    with _source(problems) as source, tempfile.TemporaryDirectory() as folder:
        pair = {"source": source, "decomposers": [decomposer], "solvers": [solver], "output": output or folder}
        (row,) = run_config(build_config(EvalConfig, options | pair))
    interval = row.record.interval
    verdicts = {item.problem_id: str(item.verdict) for item in row.scores}
    return PairScore(row.record.accuracy, interval["low"], interval["high"], verdicts, row.record)


@contextmanager
def _source(problems: str | Sequence[Mapping[str, str]]) -> Iterator[str]:
    """A source's name, or the file that given rows are read from."""
    if isinstance(problems, str):
        yield problems
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.jsonl"
        write_jsonl(path, [dict(row) for row in problems])
        yield str(path)
