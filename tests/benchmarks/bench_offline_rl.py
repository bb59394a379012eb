"""What offline RL is worth where the best policy is known: every method on MicroGSM, one budget, several seeds.

    python -m tests.benchmarks.bench_offline_rl                       # everything, then table and figure
    python -m tests.benchmarks.bench_offline_rl --seeds 1 --rows dpo kto   # a part of it; parts that are there stay
    python -m tests.benchmarks.bench_offline_rl --report              # table and figure of the parts that are there

Each seed has its own training problems (3 sets each by the fallible teacher), its own cloned start and its own test
problems, so no test problem is asked twice of one method. A set is scored by the solver of the embedded world. Beta of
guided decoding is chosen without the solver: the one whose sets most often equal a validation set recorded as right,
less how often one recorded as wrong.

Writes outputs/bench/offline_rl/: parts/<seed>-<row>.json (one outcome per test problem), table.md, accuracy.png and
known_mdp.png; with --readme recipes/README.md also there, between its markers, with the figures beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_builder.load import load_subq
from dataset_builder.micro_gsm import teacher
from dataset_builder.parsing import ParseFailure, parse_delimited
from dataset_builder.schema import Problem
from tests.benchmarks import offline_rl_world as world
from tests.benchmarks.offline_rl_methods import ROWS, row_recipe, start_recipe

BETAS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
VALIDATION_PROBLEMS = 250
UNTRAINED = ("none", "teacher", "reference")
MAX_NEW_TOKENS = 80


def run_parts(options: argparse.Namespace, folder: Path) -> None:
    """Runs the parts asked for that are not there yet."""
    for seed in options.seeds:
        dataset = folder / f"seed-{seed}" / "dataset"
        with _quiet():
            world.write_dataset(dataset, options.problems, options.size, seed)
        for name in options.rows:
            part = part_file(folder, seed, name)
            if part.is_file():
                continue
            started = time.monotonic()
            facts = run_row(options, folder / f"seed-{seed}", dataset, seed, name)
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(facts | {"seconds": round(time.monotonic() - started, 1)}) + "\n", "utf-8")
            outcomes = facts["outcomes"].values()
            print(f"seed {seed} {name:32} {sum(outcomes) / len(outcomes):.3f} {facts.get('beta', '')}", flush=True)


def part_file(folder: Path, seed: int, name: str) -> Path:
    """Where a part's outcome is kept."""
    return folder / "parts" / f"{seed}-{name.replace(', ', '-').replace(' ', '_')}.json"


def run_row(options: argparse.Namespace, folder: Path, dataset: Path, seed: int, name: str) -> dict[str, Any]:
    """Trains (where there is something to train), decodes the test problems, and scores them."""
    problems = world.held_out_problems(options.test, options.size, seed)
    facts: dict[str, Any] = {"row": name, "seed": seed, "size": options.size, "problems": options.problems}
    if name in UNTRAINED:
        sets: Sequence[Sequence[str] | None] = _untrained_sets(name, problems, seed)
    else:
        policy, record = _trained_policy(options, folder, dataset, seed, name)
        facts |= {"updates": record.updates, "train_seconds": record.seconds, "validation": {}}
        if ROWS[name].guided:
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
    parsed = [parse_delimited(text) for text in texts]
    return [None if isinstance(found, ParseFailure) or not found else found for found in parsed]


def choose_beta(policy: Any, dataset: Path) -> dict[str, Any]:
    """Sets the policy's beta to the one whose sets are most often recorded as right, less how often as wrong."""
    problems, right, wrong = recorded_sets(dataset)
    leads = {}
    for beta in BETAS:
        policy.model.decoding = dataclasses.replace(policy.model.decoding, beta=beta)
        said = [
            (problem.problem_id, questions)
            for problem, questions in zip(problems, decode(policy, problems), strict=True)
        ]
        leads[beta] = (sum(one in right for one in said) - sum(one in wrong for one in said)) / len(said)
    best = max(BETAS, key=lambda beta: leads[beta])
    policy.model.decoding = dataclasses.replace(policy.model.decoding, beta=best)
    return {"beta": best, "validation": {str(beta): round(lead, 4) for beta, lead in leads.items()}}


def recorded_sets(dataset: Path) -> tuple[list[Problem], set[tuple[str, Any]], set[tuple[str, Any]]]:
    """Validation problems, and (problem_id, set) of those recorded as right and of those only recorded as wrong."""
    problems: dict[str, Problem] = {}
    right, wrong = set(), set()
    for row in load_subq("default", "validation", str(dataset)):
        key = row["problem_id"]
        problems[key] = Problem(key, row["problem"], row["gold_answer"], "micro_gsm", "validation")
        (right if row["answer_correctness"] == 1 else wrong).add((key, tuple(row["sub_questions"])))
    return list(problems.values())[:VALIDATION_PROBLEMS], right, wrong - right


def _trained_policy(options: argparse.Namespace, folder: Path, dataset: Path, seed: int, name: str) -> Any:
    from recipes.modeling import load_policy
    from recipes.record import read_train_record
    from recipes.train import run_recipe

    recipe = row_recipe(name, folder, dataset, seed, options.updates)
    with _quiet():
        run_recipe(start_recipe(folder, dataset, seed, options.start_updates))
        run_recipe(recipe)
    return load_policy(recipe.output), read_train_record(recipe.output)


def _untrained_sets(name: str, problems: Sequence[Problem], seed: int) -> list[tuple[str, ...]]:
    if name == "none":
        return [() for _ in problems]
    if name == "reference":
        return [problem.reference_sub_questions for problem in problems]
    worlds = [world.read_world(problem) for problem in problems]
    return [tuple(teacher.decompose(one, random.Random(f"{seed}/{k}"), 0.7)) for k, one in enumerate(worlds)]


@contextlib.contextmanager
def _quiet() -> Any:
    """The builder's and the recipes' own reports are not this benchmark's."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="small", help="MicroGSM size: small, medium, large")
    parser.add_argument("--problems", type=int, default=6000, help="training problems of each seed, 3 sets each")
    parser.add_argument("--test", type=int, default=400, help="test problems of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", default=[*UNTRAINED, *ROWS], choices=[*UNTRAINED, *ROWS], metavar="ROW")
    parser.add_argument("--start_updates", type=int, default=1200, help="updates of the cloned start")
    parser.add_argument("--updates", type=int, default=600, help="further updates of every method")
    parser.add_argument("--output", type=Path, default=Path("outputs/bench/offline_rl"))
    parser.add_argument("--report", action="store_true", help="train nothing; table and figure of the parts there")
    parser.add_argument("--readme", type=Path, help="write the table between the markers of this file")
    options = parser.parse_args(argv)
    if not options.report:
        run_parts(options, options.output)
    from tests.benchmarks.offline_rl_report import write_report

    print(write_report(options.output, options.readme))


if __name__ == "__main__":
    main()
