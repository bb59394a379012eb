"""Where the rows of the online RL benchmark still fail, and whether their samples could teach them better.

    python -m tests.experiments.online_rl.failures                     # of the checkpoints that run.py has left
    python -m tests.experiments.online_rl.failures --rows bc "grpo, from bc" --seeds 3 --test 100

A set is *sound* where the solver is right with it under most of its seeds: then a wrong answer is a slip of the
solver's, which no decomposer mends. For every row, on its seeds' test problems: the share of sound greedy sets, in all
and by the hops that a problem needs; and of the problems whose greedy set is not sound, how many have no sound set
among SAMPLES drawn ones, which a policy gradient has nothing to learn from.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from dataset_builder.core.markdown import draw_table
from dataset_builder.schema.records import Problem
from dataset_builder.text.student_format import format_student_prompt
from recipes.modeling import load_policy
from recipes.models.decoding import decode_batch, end_ids
from tests.experiments.offline_rl import world
from tests.experiments.offline_rl.run import MAX_NEW_TOKENS, decode, readable_sub_questions
from tests.experiments.online_rl.rows import ROWS

SOLVER_SEEDS = 5
SAMPLES = 16
AT_ONCE = 20
"""Problems sampled together."""
Counts = Counter[tuple[str, int]]
"""(what, hops) -> problems; what: asked, sound, unreached."""


def is_sound(problem: Problem, questions: Sequence[str] | None) -> bool:
    """Whether the solver is right with the set under most of its seeds."""
    if questions is None:
        return False
    graph = world.read_world(problem)
    return 2 * sum(world.is_right(problem, graph, questions, seed) for seed in range(SOLVER_SEEDS)) > SOLVER_SEEDS


def count_failures(policy: Any, problems: Sequence[Problem]) -> Counts:
    """How many problems there are, how many greedy sets are sound, and how many others no sample reaches."""
    counts = Counts()
    failed = []
    for problem, questions in zip(problems, decode(policy, problems), strict=True):
        hops = len(problem.reference_sub_questions)
        counts["asked", hops] += 1
        if is_sound(problem, questions):
            counts["sound", hops] += 1
        else:
            failed.append(problem)
    for start in range(0, len(failed), AT_ONCE):
        batch = failed[start : start + AT_ONCE]
        for problem, sets in zip(batch, draw(policy, batch, seed=start), strict=True):
            counts["unreached", len(problem.reference_sub_questions)] += not any(
                is_sound(problem, one) for one in sets
            )
    return counts


def draw(policy: Any, problems: Sequence[Problem], seed: int) -> list[list[tuple[str, ...] | None]]:
    """SAMPLES sets of each problem at temperature 1, as the runs draw theirs; None: not readable."""
    prompts = [format_student_prompt(problem.problem, problem.passage) for problem in problems for _ in range(SAMPLES)]
    replies = decode_batch(
        policy.model,
        policy.tokenizer,
        policy.encode(prompts),
        ends=end_ids(policy.model, policy.tokenizer, policy.text_format),
        max_new_tokens=MAX_NEW_TOKENS,
        temperature=1.0,
        seed=seed,
    )
    sets = [readable_sub_questions(reply.text) or None for reply in replies]
    return [sets[start : start + SAMPLES] for start in range(0, len(sets), SAMPLES)]


def line(name: str, counts: Counts, hops: Sequence[int]) -> list[str]:
    """A row of the table."""
    asked, sound, unreached = (sum(counts[what, hop] for hop in hops) for what in ("asked", "sound", "unreached"))
    shares = [f"{counts['sound', hop] / counts['asked', hop]:.3f}" if counts["asked", hop] else "" for hop in hops]
    failed = asked - sound
    return [name, f"{sound / asked:.3f}", *shares, f"{failed:,}", f"{unreached / failed:.2f}" if failed else ""]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="halving", choices=list(world.WEAKNESSES), help="MicroGSM size")
    parser.add_argument("--test", type=int, default=400, help="test problems of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="ROW")
    parser.add_argument("--output", type=Path, default=Path("outputs/bench/online_rl"))
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    found: dict[str, Counts] = {}
    for name in options.rows:
        for seed in options.seeds:
            folder = options.output / options.size / f"seed-{seed}" / ROWS[name].file
            problems = world.held_out_problems(options.test, options.size, seed)
            found.setdefault(name, Counts()).update(count_failures(load_policy(folder, "cpu"), problems))
    hops = sorted({hop for counts in found.values() for _, hop in counts})
    head = [
        "row",
        "sound",
        *(f"{hop} hops" for hop in hops),
        "not sound",
        f"of these, none of {SAMPLES} samples sound",
    ]
    print(draw_table(head, [line(name, counts, hops) for name, counts in found.items()]))


if __name__ == "__main__":
    main()
