"""What learning from one's own samples is worth where the best policy is known: MicroGSM, several seeds.

    python -m tests.experiments.online_rl.run                                  # everything, then table and figure
    python -m tests.experiments.online_rl.run --seeds 3 --rows "grpo, from bc"  # a part of it, with what it needs
    python -m tests.experiments.online_rl.run --report                         # of the parts that are there

Problems, teacher, solver and test problems are those of the offline study (`tests.experiments.offline_rl`). Samples
are of fresh problems, answered in this process. What is there is not run again, and a run that was killed goes on from
its newest checkpoint, so the same command may be stopped and started at will.

Writes outputs/bench/online_rl/<size>/: seed-N/<row>/ (checkpoints), parts/<seed>-<row>.json (one outcome per test
problem, and those of every `EVERY` updates), table.md, curve.png; with --readme FILE also there, between its markers,
with the figure beside it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from dataset_builder.core.files import write_json
from dataset_builder.schema.records import Problem
from tests.experiments.offline_rl import world
from tests.experiments.offline_rl.run import decode, quiet
from tests.experiments.online_rl.rows import CLONED, REFERENCE, ROWS, needed, recipe_of

EVERY = 30
"""Updates between two points of a row's curve."""


def run_parts(options: argparse.Namespace, folder: Path) -> None:
    """Runs the parts that are not there yet, `workers` at a time, each as soon as what it needs is there."""
    parts = [(seed, name) for name in [REFERENCE, *needed(options.rows)] for seed in options.seeds]
    done = {part for part in parts if part_file(folder, *part).is_file()}
    waiting = [part for part in parts if part not in done]
    running: dict[Future[str], tuple[int, str]] = {}
    started = time.monotonic()
    with ProcessPoolExecutor(options.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        while waiting or running:
            ready = [part for part in waiting if _needs(*part) <= done]
            for part in ready[: options.workers - len(running)]:
                waiting.remove(part)
                running[pool.submit(run_part, options, folder, *part)] = part
            for finished in wait(running, return_when=FIRST_COMPLETED).done:
                done.add(running.pop(finished))
                line = f"{time.monotonic() - started:6.0f} s {len(done)}/{len(parts)}  {finished.result()}"
                print(line, flush=True)


def _needs(seed: int, name: str) -> set[tuple[int, str]]:
    return {(seed, other) for other in ROWS[name].needs} if name in ROWS else set()


def run_part(options: argparse.Namespace, folder: Path, seed: int, name: str) -> str:
    """Runs and keeps one part; gives a line about it."""
    import torch

    torch.set_num_threads(1)
    home, started = folder / f"seed-{seed}", time.monotonic()
    problems = world.held_out_problems(options.test, options.size, seed)
    facts: dict[str, Any] = {"row": name, "seed": seed, "size": options.size, "problems": options.problems}
    if name == REFERENCE:
        with quiet():
            world.write_dataset(home / "dataset", options.problems, options.size, seed)
        right = world.score(problems, [problem.reference_sub_questions for problem in problems])
    else:
        if name == CLONED:
            _write_teachers_sets(options, home, seed)
        measured, right = run_row(options, home, name, seed, problems)
        facts |= measured
    keys = [f"{problem.problem_id}#{seed}" for problem in problems]
    facts |= {"outcomes": dict(zip(keys, right, strict=True)), "seconds": round(time.monotonic() - started, 1)}
    write_json(part_file(folder, seed, name), facts, indent=None)
    return f"seed {seed} {name:36} {sum(right) / len(right):.3f}"


def run_row(
    options: argparse.Namespace, home: Path, name: str, seed: int, problems: Sequence[Problem]
) -> tuple[dict[str, Any], list[int]]:
    """Trains a row, decodes the test problems greedily, and scores them; gives what it measured, and the outcomes."""
    from recipes.modeling import load_policy
    from recipes.train import run_recipe
    from recipes.training.record import read_train_record
    from tests.experiments.online_rl.curve import TestCurve, with_calls

    recipe = recipe_of(name, home, options.size, seed, options.updates if ROWS[name].start else None)
    curve = TestCurve(recipe, problems, EVERY)
    with quiet():
        output = run_recipe(recipe, [curve] if ROWS[name].start else [])
        policy = load_policy(output, "cpu")
    record = read_train_record(output)
    rewards = record.details.get("rewards", {})
    right = world.score(problems, decode(policy, problems))
    points = [*curve.points, {"update": record.updates, "right": right}]
    facts = {
        "updates": record.updates,
        "parameters": record.parameters,
        "train_seconds": record.seconds,
        "samples": rewards.get("samples", 0) + rewards.get("screened", 0),
        "calls": rewards.get("calls", 0),
        "points": with_calls(points, rewards.get("curve", [])),
    }
    return facts, right


def _write_teachers_sets(options: argparse.Namespace, home: Path, seed: int) -> None:
    """A dataset of the larger teacher's greedy sets, one for each training problem that it can be read on."""
    from dataset_builder.micro_gsm.problems import generate_problems
    from recipes.modeling import load_policy

    folder = home / f"{CLONED}-dataset"
    if (folder / "facts.json").is_file():
        return
    problems = generate_problems("train", options.problems, seed, options.size)
    sets = decode(load_policy(home / ROWS[CLONED].teacher, "cpu"), problems)
    written = {problem.problem_id: questions for problem, questions in zip(problems, sets, strict=True) if questions}
    with quiet():
        world.write_dataset(
            folder,
            options.problems,
            options.size,
            seed,
            lambda problem: [written[problem.problem_id]] if problem.problem_id in written else [],
        )


def part_file(folder: Path, seed: int, name: str) -> Path:
    """Where a part's outcome is kept."""
    return folder / "parts" / f"{seed}-{ROWS[name].file if name in ROWS else name}.json"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="halving", choices=list(world.WEAKNESSES), help="MicroGSM size")
    parser.add_argument("--problems", type=int, default=8000, help="training problems of each seed, 3 sets each")
    parser.add_argument("--test", type=int, default=400, help="test problems of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="ROW")
    parser.add_argument("--updates", type=int, help="updates of every row (default: as its file says); for tests")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="parts at a time, each on one thread")
    parser.add_argument("--output", type=Path, default=Path("outputs/bench/online_rl"))
    parser.add_argument("--report", action="store_true", help="train nothing; table and figure of the parts there")
    parser.add_argument("--readme", type=Path, help="write table and figure between the markers of this file")
    options = parser.parse_args(argv)
    folder = options.output / options.size
    if not options.report:
        run_parts(options, folder)
    from tests.experiments.online_rl.report import write_report

    print(write_report(folder, options.readme))


if __name__ == "__main__":
    main()
