"""What offline RL is worth where the best policy is known: every method on MicroGSM, one budget, several seeds.

    python -m tests.experiments.offline_rl.run                       # everything, then table and figure
    python -m tests.experiments.offline_rl.run --seeds 1 --rows dpo kto   # a part of it; parts that are there stay
    python -m tests.experiments.offline_rl.run --report              # table and figure of the parts that are there

Each seed has its own training problems (3 sets each by the fallible teacher), its own cloned start and its own test
problems, so no test problem is asked twice of one method. A set is scored by the solver of the embedded world. Beta of
guided decoding is chosen without the solver, by what the validation sets recorded (`recipes.select_beta`).

Writes outputs/bench/offline_rl/: parts/<seed>-<row>.json (one outcome per test problem), table.md, accuracy.png and
known_mdp.png; with --readme FILE also there, between its markers, with the figures beside it
(recipes/experiments/offline_rl/README.md is the one to name).
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import io
import multiprocessing
import os
import random
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from dataset_builder.core.files import write_json
from dataset_builder.micro_gsm import teacher
from dataset_builder.schema.records import Problem
from dataset_builder.text.parsing import readable_sub_questions
from recipes.planning.memory import trains_policy
from tests.experiments.offline_rl import world
from tests.experiments.offline_rl.rows import ROWS, file_name, is_guided, row_recipe, start_recipe

BETAS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
VALIDATION_PROBLEMS = 250
UNTRAINED = ("none", "teacher", "reference")
MAX_NEW_TOKENS = 80


def run_parts(options: argparse.Namespace, folder: Path) -> None:
    """Runs the parts asked for that are not there yet, `workers` at a time, a row's seeds together."""
    waiting = [(seed, name) for name in options.rows for seed in options.seeds]
    waiting = [(seed, name) for seed, name in waiting if not part_file(folder, seed, name).is_file()]
    unstarted = sorted({seed for seed, name in waiting if name not in UNTRAINED})
    ready = set(options.seeds) - set(unstarted)
    running: dict[Future[str], int | None] = {}
    started, total = time.monotonic(), len(unstarted) + len(waiting)
    with ProcessPoolExecutor(options.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in range(1, total + 1):
            while len(running) < options.workers:
                if unstarted:
                    seed = unstarted.pop(0)
                    running[pool.submit(run_start, options, folder, seed)] = seed
                    continue
                part = next((item for item in waiting if item[1] in UNTRAINED or item[0] in ready), None)
                if part is None:
                    break
                waiting.remove(part)
                running[pool.submit(run_part, options, folder, *part)] = None
            finished = wait(running, return_when=FIRST_COMPLETED).done.pop()
            seed_started = running.pop(finished)
            ready |= set() if seed_started is None else {seed_started}
            print(f"{time.monotonic() - started:6.0f} s {done}/{total}  {finished.result()}", flush=True)


def run_start(options: argparse.Namespace, folder: Path, seed: int) -> str:
    """Dataset and cloned start of a seed, unless they are there; gives a line about it."""
    from recipes.train import run_recipe

    home = folder / f"seed-{seed}"
    with quiet():
        world.write_dataset(home / "dataset", options.problems, options.size, seed)
        run_recipe(start_recipe(home, home / "dataset", seed, options.start_updates))
    return f"seed {seed} start"


def run_part(options: argparse.Namespace, folder: Path, seed: int, name: str) -> str:
    """Runs and keeps one part; gives a line about it."""
    import torch

    torch.set_num_threads(1)  # also where nothing is left to train: a worker has one core
    home, part = folder / f"seed-{seed}", part_file(folder, seed, name)
    started = time.monotonic()
    facts = run_row(options, home, home / "dataset", seed, name)
    write_json(part, facts | {"seconds": round(time.monotonic() - started, 1)}, indent=None)
    outcomes = facts["outcomes"].values()
    return f"seed {seed} {name:32} {sum(outcomes) / len(outcomes):.3f} {facts.get('beta', '')}"


def part_file(folder: Path, seed: int, name: str) -> Path:
    """Where a part's outcome is kept."""
    return folder / "parts" / f"{seed}-{file_name(name)}.json"


def run_row(options: argparse.Namespace, folder: Path, dataset: Path, seed: int, name: str) -> dict[str, Any]:
    """Trains (where there is something to train), decodes the test problems, and scores them."""
    problems = world.held_out_problems(options.test, options.size, seed)
    facts: dict[str, Any] = {"row": name, "seed": seed, "size": options.size, "problems": options.problems}
    if name in UNTRAINED:
        sets: Sequence[Sequence[str] | None] = _untrained_sets(name, problems, seed, options.size)
    else:
        policy, record = _trained_policy(options, folder, dataset, seed, name)
        facts |= {"updates": record.updates, "train_seconds": record.seconds, "validation": {}}
        recipe = row_recipe(name, folder, dataset, seed)
        if is_guided(recipe) and not trains_policy(recipe):  # whatever changes is the values' doing
            facts["by_beta"] = {str(beta): right_at(policy, problems, beta) for beta in BETAS}
        if is_guided(recipe):
            facts |= choose_beta(policy, dataset)
        sets = decode(policy, problems)
    outcomes = world.score(problems, sets)
    keys = [f"{problem.problem_id}#{seed}" for problem in problems]
    return facts | {
        "outcomes": dict(zip(keys, outcomes, strict=True)),
        "mean_sub_questions": sum(len(questions or ()) for questions in sets) / len(sets),
    }


def decode(policy: Any, problems: Sequence[Problem]) -> list[tuple[str, ...] | None]:
    """A policy's greedy sets; None for a text that cannot be read or holds no sub-question."""
    texts = policy.generate(problems, max_new_tokens=MAX_NEW_TOKENS, batch_size=100)
    return [readable_sub_questions(text) or None for text in texts]


def right_at(policy: Any, problems: Sequence[Problem], beta: float) -> int:
    """How many of the problems a guided policy gets right at a beta."""
    policy.model.decoding = dataclasses.replace(policy.model.decoding, beta=beta)
    return sum(world.score(problems, decode(policy, problems)))


def choose_beta(policy: Any, dataset: Path) -> dict[str, Any]:
    """Leaves the policy at the beta that `recipes.select_beta` takes, and says which."""
    from recipes.methods.ilql.beta import best_beta, mean_quality, recorded_feedback, sweep_beta

    recorded = recorded_feedback(str(dataset), VALIDATION_PROBLEMS)
    prompts = [item.prompt for item in recorded.values()]
    judge = functools.partial(mean_quality, recorded)
    qualities = sweep_beta(policy, prompts, judge, BETAS, batch_size=125, max_new_tokens=MAX_NEW_TOKENS)
    best = best_beta(qualities)
    policy.model.decoding = dataclasses.replace(policy.model.decoding, beta=best)
    return {"beta": best, "validation": {str(beta): value for beta, value in qualities.items()}}


def _trained_policy(options: argparse.Namespace, folder: Path, dataset: Path, seed: int, name: str) -> Any:
    from recipes.modeling import load_policy
    from recipes.train import run_recipe
    from recipes.training.record import read_train_record

    recipe = row_recipe(name, folder, dataset, seed, options.updates)
    with quiet():
        run_recipe(recipe)
    return load_policy(recipe.output), read_train_record(recipe.output)


def _untrained_sets(name: str, problems: Sequence[Problem], seed: int, size: str) -> list[tuple[str, ...]]:
    if name == "none":
        return [() for _ in problems]
    if name == "reference":
        return [problem.reference_sub_questions for problem in problems]
    worlds, weak = [world.read_world(problem) for problem in problems], world.WEAKNESSES[size]
    return [tuple(teacher.decompose(item, random.Random(f"{seed}/{k}"), 0.7, weak)) for k, item in enumerate(worlds)]


@contextlib.contextmanager
def quiet() -> Any:
    """The builder's and the recipes' own reports and bars are not this benchmark's."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--size", default="halving", choices=list(world.WEAKNESSES), help="MicroGSM size, which names its teacher"
    )
    parser.add_argument("--problems", type=int, default=8000, help="training problems of each seed, 3 sets each")
    parser.add_argument("--test", type=int, default=400, help="test problems of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--rows", nargs="+", default=[*UNTRAINED, *ROWS], choices=[*UNTRAINED, *ROWS], metavar="ROW")
    parser.add_argument("--start_updates", type=int, help="updates of the cloned start (default: as start.yaml says)")
    parser.add_argument("--updates", type=int, help="further updates of every method (default: as its file says)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="parts at a time, each on one thread")
    parser.add_argument("--output", type=Path, default=Path("outputs/bench/offline_rl"))
    parser.add_argument("--report", action="store_true", help="train nothing; table and figure of the parts there")
    parser.add_argument("--readme", type=Path, help="write the table between the markers of this file")
    options = parser.parse_args(argv)
    if not options.report:
        run_parts(options, options.output)
    from tests.experiments.offline_rl.report import write_report

    print(write_report(options.output, options.readme))


if __name__ == "__main__":
    main()
