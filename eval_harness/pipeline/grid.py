"""Walks the grid of pairs: decompositions once per decomposer and seed, replies per solver; `pair_record` writes them.

The decompositions of one decomposer are shared by all solvers.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_builder.core.config import save_resolved
from dataset_builder.core.energy import Energy
from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Problem
from dataset_builder.solving.endpoint import SolverOptions
from dataset_builder.solving.records import Decomposition, Solver
from dataset_builder.solving.single_stage import is_single_stage, prompts_used, split_style
from dataset_builder.solving.solve import answer_problems, fall_back
from dataset_builder.sources.embedded import serve_embedded
from eval_harness.pipeline.config import EvalConfig
from eval_harness.pipeline.pair_record import FinishedPair, record_pair
from eval_harness.pipeline.problems import load_grid_problems
from eval_harness.pipeline.sources import dataset_metadata
from eval_harness.records.predictions import Prediction
from eval_harness.records.problems import write_problems
from eval_harness.records.rows import PairRow
from eval_harness.records.same_set import check_new_set
from eval_harness.systems.decomposers import Decomposer, DecomposerOptions, make_decomposer
from eval_harness.systems.solvers import make_solver

_IN_PROCESS = ("checkpoint", "transformers", "vllm")


@dataclass(frozen=True)
class _Decomposed:
    """One decomposer's sub-questions by seed, and what they took."""

    label: str
    decomposer: Decomposer
    by_seed: dict[int, list[Decomposition]]
    wall_s: float
    energy_wh: float | None


def run_config(config: EvalConfig) -> list[PairRow]:
    """Loads a config's problems and systems, writes config.yaml and problems.jsonl, and runs the grid.

    Raises:
        UserError: problems that cannot be scored, a system that is not there, a vote over equal samples.
    """
    _check_votes(config)
    asked_before = _other_run(config.asked_before)
    output, problems = Path(config.output), load_grid_problems(config)
    check_new_set(output, dataset_metadata(problems, config.source, config.split), config.rule, config.seeds)
    # A prompt that is not there is found before anything is asked.
    prompts_used("none", problems, config.answer_prompt)
    save_resolved(config, output / "config.yaml")
    write_problems(problems, output)
    with _endpoints(config) as (solver_settings, decomposer_settings):
        _check_endpoints(config, solver_settings, decomposer_settings)
        decomposer_options = DecomposerOptions(
            settings=decomposer_settings,
            journal=output / "journal.sqlite",
            temperature=config.decomposer_temperature,
            max_new_tokens=config.decomposer_max_new_tokens,
            batch_size=config.batch_size,
            reasoning_effort=config.reasoning_effort,
            asked_before=asked_before,
            reply_tokens=config.api_max_new_tokens,
            cap=config.max_sub_questions,
            prompt=config.decompose_prompt,
            four_bit=config.four_bit,
        )
        solver_options = SolverOptions(
            settings=solver_settings,
            journal=output / "journal.sqlite",
            temperature=config.temperature,
            max_new_tokens=config.max_new_tokens,
            batch_size=config.batch_size,
            reasoning_effort=config.reasoning_effort,
            asked_before=asked_before,
        )
        decomposers = [make_decomposer(spec, decomposer_options) for spec in config.decomposers]
        solvers = [make_solver(spec, solver_options, problems) for spec in config.solvers]
        return run_grid(config, problems, decomposers, solvers)


def _check_votes(config: EvalConfig) -> None:
    """Refuses a vote over samples that greedy decoding would make equal."""
    for spec in config.decomposers:
        if is_single_stage(spec) and split_style(spec)[1] > 1 and config.temperature == 0:
            raise UserError(f"{spec} votes over samples that are all equal at temperature 0; add --temperature 0.7")


def _other_run(folder: str) -> Path | None:
    """The folder, once its journal can be read."""
    if folder:
        Journal(Path(folder), read_only=True).close()
    return Path(folder) if folder else None


def _check_endpoints(config: EvalConfig, solver: ServiceSettings, decomposer: ServiceSettings) -> None:
    """Refuses a model that other replies of this folder came from elsewhere, before a checkpoint decodes for hours."""
    from dataset_builder.llm.run import refuse_other_endpoint

    journal = Path(config.output) / "journal.sqlite"
    for specs, kind, settings in ((config.solvers, "openai:", solver), (config.decomposers, "api:", decomposer)):
        models = [spec.removeprefix(kind) for spec in specs if spec.startswith(kind)]
        refuse_other_endpoint(models, settings, journal)


@contextmanager
def _endpoints(config: EvalConfig) -> Iterator[tuple[ServiceSettings, ServiceSettings]]:
    """The services of the solver and the decomposer, with MicroGSM's server up where it is named."""
    names = [config.base_url, config.decomposer_base_url or config.base_url]
    distinct = list(dict.fromkeys(names))
    with serve_embedded(distinct) as urls:
        by_name = dict(zip(distinct, urls, strict=True))
        solver, decomposer = (ServiceSettings.of(config, [by_name[name]]) for name in names)
        yield solver, decomposer


def run_grid(
    config: EvalConfig, problems: Sequence[Problem], decomposers: Sequence[Decomposer], solvers: Sequence[Solver]
) -> list[PairRow]:
    """Every decomposer with every solver, in the order given.

    Args:
        config: seeds, rule, caps, and the folder that everything is written to.
        problems: what each pair is asked.
        decomposers: the rows; two of one label are told apart by their folder or file.
        solvers: the columns.

    Raises:
        UserError: a decomposer is named twice.
    """
    rows = []
    for label, decomposer in zip(unique_labels(decomposers), decomposers, strict=True):
        start = time.perf_counter()
        with Energy(_runs_here(decomposer)) as energy:
            by_seed = {seed: _decompose(config, decomposer, problems, seed) for seed in config.seeds}
        decomposed = _Decomposed(label, decomposer, by_seed, time.perf_counter() - start, energy.watt_hours)
        rows += [record_pair(_solve(config, decomposed, solver, problems), config, problems) for solver in solvers]
    return rows


def unique_labels(decomposers: Sequence[Decomposer]) -> list[str]:
    """Each decomposer's own label; where several share it, with as much of its folder's or file's name as tells it."""
    labels = [str(decomposer.metadata["label"]) for decomposer in decomposers]
    paths: list[Path | None] = [getattr(decomposer, "path", None) for decomposer in decomposers]
    for label, times in Counter(labels).items():
        alike = {index: path for index, path in enumerate(paths) if labels[index] == label and path}
        if times > 1:
            for index, tail in zip(alike, _tails(list(alike.values())), strict=True):
                labels[index] = f"{label} ({tail})"
    if repeated := [label for label, count in Counter(labels).items() if count > 1]:
        raise UserError(f"decomposer {repeated[0]!r} is named twice; keep one")
    return labels


def _tails(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart; their names where two are the same."""
    parts = [path.absolute().parts for path in paths]
    for length in range(1, max(map(len, parts), default=0)):
        tails = ["/".join(part[-length:]) for part in parts]
        if len(set(tails)) == len(tails):
            return tails
    return [path.name for path in paths]


def _decompose(
    config: EvalConfig, decomposer: Decomposer, problems: Sequence[Problem], seed: int
) -> list[Decomposition]:
    decompositions = decomposer.decompose(problems, seed)
    if config.fall_back:
        decompositions = fall_back(decompositions)
    if cap := config.max_sub_questions:
        decompositions = [replace(item, sub_questions=item.sub_questions[:cap]) for item in decompositions]
    return decompositions


def _solve(config: EvalConfig, decomposed: _Decomposed, solver: Solver, problems: Sequence[Problem]) -> FinishedPair:
    kind = str(decomposed.decomposer.metadata["kind"])
    style = kind if is_single_stage(kind) else "none"
    start = time.perf_counter()
    predictions = []
    with Energy(_runs_here(solver)) as energy:
        for seed, items in decomposed.by_seed.items():
            replies = answer_problems(solver, problems, items, style, seed, config.answer_prompt, config.rule)
            predictions += [
                Prediction(problem.problem_id, seed, item, reply)
                for problem, item, reply in zip(problems, items, replies, strict=True)
            ]
    wall_s = decomposed.wall_s + time.perf_counter() - start
    energy_wh = energy_in_process((decomposed.decomposer, decomposed.energy_wh), (solver, energy.watt_hours))
    runs_here = _runs_here(decomposed.decomposer) or _runs_here(solver)
    return FinishedPair(decomposed.label, decomposed.decomposer, solver, predictions, wall_s, energy_wh, runs_here)


def energy_in_process(*roles: tuple[Decomposer | Solver, float | None]) -> float | None:
    """Watt-hours of the roles that run in this process; a GPU that only idles beside an API is no cost of the pair."""
    spent = [watt_hours for role, watt_hours in roles if _runs_here(role)]
    return None if not spent or None in spent else sum(item for item in spent if item is not None)


def _runs_here(role: Decomposer | Solver) -> bool:
    return role.metadata["kind"] in _IN_PROCESS
