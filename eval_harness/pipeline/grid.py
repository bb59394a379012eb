"""Walks the grid of pairs: decompositions once per decomposer and seed, replies per solver, then scores and records.

The decompositions of one decomposer are shared by all solvers, and every pair's predictions are written before they
are scored. A record's parts (label, prompts, dataset, cost) are read from what made them.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataset_builder.core.config import resolved
from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Problem, normalise_text
from dataset_builder.sources import SOURCES
from dataset_builder.text.parsing import STOP_STRINGS
from eval_harness.pipeline.single_stage import answer_problems, fall_back, is_single_stage, prompts_used
from eval_harness.records.predictions import Decomposition, Prediction, write_atomically, write_predictions
from eval_harness.records.results import (
    RESULTS_SCHEMA_VERSION,
    ResultsRecord,
    code_state,
    package_versions,
    write_record,
)
from eval_harness.scoring.cost import Energy, usage_by_role
from eval_harness.scoring.quality import decomposition_quality
from eval_harness.scoring.score import ProblemScore, aggregate, mean_by_problem, score_predictions, scores_as_lines
from eval_harness.systems.decomposers import Decomposer
from eval_harness.systems.solvers import Solver


@dataclass(frozen=True)
class Grid:
    """What is to be run; `config` is the entry point's (`eval_harness.run.EvalConfig`)."""

    config: Any
    output: Path
    problems: Sequence[Problem]
    decomposers: Sequence[Decomposer]
    solvers: Sequence[Solver]


@dataclass(frozen=True)
class Row:
    """One pair of the grid: its record and the verdict on every problem."""

    record: ResultsRecord
    scores: list[ProblemScore]

    @property
    def correctness(self) -> dict[str, float]:
        """problem_id -> share of seeds whose verdict is `correct`."""
        return mean_by_problem(self.scores, correctness=True)


@dataclass(frozen=True)
class _Pair:
    label: str
    decomposer: Decomposer
    solver: Solver
    predictions: list[Prediction]
    wall_s: float
    energy_wh: float | None


def check_problems(problems: Sequence[Problem], source: str) -> None:
    """Refuses problems that cannot be scored.

    Raises:
        UserError: there is none, one has no gold answer, or one stands there twice.
    """
    if not problems:
        raise UserError(f"{source} gives no problems; raise --limit or name another split")
    seen: dict[str, str] = {}
    ids = Counter(problem.problem_id for problem in problems)
    for problem in problems:
        if not problem.gold_answer.strip():
            raise UserError(f"{source}: {problem.problem_id} has no gold answer; a score needs one for every problem")
        if ids[problem.problem_id] > 1:
            raise UserError(f"{source}: {problem.problem_id} stands there {ids[problem.problem_id]} times; keep one")
        text = normalise_text(f"{problem.passage} {problem.problem}")
        if text in seen and problem.source not in _SETS_WITH_TWINS:
            raise UserError(f"{source}: {problem.problem_id} and {seen[text]} are the same problem; keep one")
        seen[text] = problem.problem_id


# These published sets hold the same question more than once; leaving some out would change their known sizes.
_SETS_WITH_TWINS = frozenset({"drop", "svamp", "multiarith", "gsm_hard"})


def run_grid(grid: Grid) -> list[Row]:
    """Every decomposer with every solver, in the order given."""
    rows = []
    for label, decomposer in zip(unique_labels(grid.decomposers), grid.decomposers, strict=True):
        start = time.perf_counter()
        with Energy() as energy:
            decomposed = {seed: _decompose(grid, decomposer, seed) for seed in grid.config.seeds}
        spent = time.perf_counter() - start
        for solver in grid.solvers:
            rows.append(_run_pair(grid, label, decomposer, solver, decomposed, spent, energy.watt_hours))
    return rows


def unique_labels(decomposers: Sequence[Decomposer]) -> list[str]:
    """Each decomposer's own label; where two share it, with the name of the folder or file it comes from."""
    times = Counter(str(decomposer.facts["label"]) for decomposer in decomposers)
    labels = []
    for decomposer in decomposers:
        label, facts = str(decomposer.facts["label"]), decomposer.facts
        place = str(facts.get("checkpoint") or facts.get("path") or "")
        labels.append(f"{label} ({place})" if times[label] > 1 and place else label)
    if twice := [label for label, count in Counter(labels).items() if count > 1]:
        raise UserError(f"decomposer {twice[0]!r} is named twice; keep one")
    return labels


def _decompose(grid: Grid, decomposer: Decomposer, seed: int) -> list[Decomposition]:
    found = decomposer.decompose(grid.problems, seed)
    if grid.config.fall_back:
        found = fall_back(found)
    if grid.config.max_sub_questions:
        cap = grid.config.max_sub_questions
        found = [replace(item, sub_questions=item.sub_questions[:cap]) for item in found]
    return found


def _run_pair(
    grid: Grid,
    label: str,
    decomposer: Decomposer,
    solver: Solver,
    decomposed: dict[int, list[Decomposition]],
    spent_s: float,
    energy_wh: float | None,
) -> Row:
    style = str(decomposer.facts["kind"])
    style = style if is_single_stage(style) else "none"
    start = time.perf_counter()
    predictions = []
    with Energy() as energy:
        for seed, items in decomposed.items():
            replies = answer_problems(solver, grid.problems, items, style, seed)
            predictions += [
                Prediction(problem.problem_id, seed, item, reply)
                for problem, item, reply in zip(grid.problems, items, replies, strict=True)
            ]
    wall_s = spent_s + time.perf_counter() - start
    spent_wh = _energy_here((decomposer, energy_wh), (solver, energy.watt_hours))
    return _score_pair(grid, _Pair(label, decomposer, solver, predictions, wall_s, spent_wh))


def _energy_here(*roles: tuple[Decomposer | Solver, float | None]) -> float | None:
    """Watt-hours of the roles that run in this process; a GPU that only idles beside an API is no cost of the pair."""
    spent = [watt_hours for role, watt_hours in roles if role.facts["kind"] in _IN_PROCESS]
    return None if not spent or None in spent else sum(item for item in spent if item is not None)


_IN_PROCESS = ("checkpoint", "transformers", "vllm")


def _score_pair(grid: Grid, pair: _Pair) -> Row:
    name = pair_name(pair.label, str(pair.solver.facts["label"]))
    path = grid.output / "predictions" / f"{name}.jsonl"
    sha256 = write_predictions(path, pair.predictions)
    by_id = {problem.problem_id: problem for problem in grid.problems}
    scores = score_predictions(pair.predictions, by_id, grid.config.rule)
    lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in scores_as_lines(scores))
    write_atomically(grid.output / "verdicts" / f"{name}.jsonl", lines.encode())
    record = _record(grid, pair, name, scores, {"path": f"predictions/{name}.jsonl", "sha256": sha256})
    write_record(record, grid.output / "results" / f"{name}.json")
    return Row(record, scores)


def pair_name(decomposer: str, solver: str) -> str:
    """The pair as a file name.

    >>> pair_name("bc", "Qwen/Qwen2.5-0.5B")
    'bc--Qwen-Qwen2.5-0.5B'
    """
    return "--".join(re.sub(r"[^\w.@+-]+", "-", part).strip("-") for part in (decomposer, solver))


def _record(
    grid: Grid, pair: _Pair, name: str, scores: list[ProblemScore], predictions: dict[str, str]
) -> ResultsRecord:
    total = aggregate(scores)
    commit, dirty = code_state()
    kind = str(pair.decomposer.facts["kind"])
    prompts = pair.decomposer.prompts | prompts_used(kind if is_single_stage(kind) else "none", grid.problems)
    cut = [item.reply.cut_characters for item in pair.predictions if item.reply.cut_characters]
    return ResultsRecord(
        schema_version=RESULTS_SCHEMA_VERSION,
        name=name,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        commit=commit,
        dirty=dirty,
        packages=dict(package_versions()),
        config=resolved(grid.config),
        dataset=dataset_facts(grid.problems, grid.config.source, grid.config.split),
        decomposer=pair.decomposer.facts | {"label": pair.label},
        solver=pair.solver.facts,
        prompts=prompts,
        stop_strings=list(STOP_STRINGS),
        rule=grid.config.rule,
        seeds=list(grid.config.seeds),
        n=total.n,
        counts=dict(total.counts),
        accuracy=total.accuracy,
        mean_score=total.mean_score,
        interval={
            "low": total.interval.low,
            "high": total.interval.high,
            "level": 0.95,
            "method": total.interval_method,
        },
        accuracy_per_seed={str(seed): accuracy for seed, accuracy in total.per_seed.items()},
        usage=usage_by_role(pair.predictions),
        cut={"predictions": len(cut), "characters": sum(cut)},
        wall_s=round(pair.wall_s, 3),
        energy_wh=pair.energy_wh,
        quality=decomposition_quality(grid.problems, [item.decomposition for item in pair.predictions]),
        predictions=dict(predictions),
        publishable=total.counts["request_failed"] == 0,
    )


def dataset_facts(problems: Sequence[Problem], source: str, split: str) -> dict[str, Any]:
    """What was asked: name, split, size, revision where it is pinned, and a hash of the problems with their golds."""
    digest = hashlib.sha256()
    for problem in problems:
        digest.update(json.dumps([problem.problem_id, problem.problem, problem.gold_answer]).encode())
    known = SOURCES.get(source)
    return {
        "source": source,
        "split": split,
        "problems": len(problems),
        "revision": (known.revision or None) if known else None,
        "sha256": digest.hexdigest(),
    }
