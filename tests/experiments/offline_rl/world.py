"""The data of the offline RL benchmark: MicroGSM sets by the fallible teacher, answered, voted on, and built.

Teacher, solver and critic are called in process (no HTTP), and write what a generation writes; the dataset folder is
the production build's. The test problems come from the test split and never meet the training problems.

    write_dataset(Path("outputs/bench/offline_rl/dataset"), problems=6000, size="small")
    problems = held_out_problems(500, size="small")
    score(problems, [[...sub-questions...], ...])     # [1, 0, 1, ...]
"""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from dataset_builder.answers.grading import grade_answer
from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.micro_gsm import solver, teacher
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.micro_gsm.teacher import Weaknesses
from dataset_builder.micro_gsm.world import World
from dataset_builder.schema.records import Problem, Provenance, RawSet
from dataset_builder.text.parsing import format_sub_questions

SETS_PER_PROBLEM, VOTES = 3, 3
VALIDATION_SHARE = 0.05
WEAKNESSES = {"small": teacher.USUAL, "halving": teacher.STUBBORN}
"""The teacher of each size."""
PROVENANCE = Provenance("micro_gsm", "micro-gsm-teacher", "micro-gsm-solver", temperature=0.7)


Write = Callable[[Problem], Iterable[Sequence[str]]]
"""A problem -> its sets of sub-questions."""


def write_dataset(folder: Path, problems: int, size: str, seed: int = 0, write: Write | None = None) -> None:
    """Builds the dataset folder unless it is there.

    Args:
        folder: of the dataset; its sets are written beside it.
        problems: how many, each with `SETS_PER_PROBLEM` sets of the fallible teacher.
        size: of MicroGSM, which names the teacher.
        seed: of the problems.
        write: whose sets they are instead.
    """
    if (folder / "facts.json").is_file():
        return
    write = write or functools.partial(teacher_sets, seed=seed, weak=WEAKNESSES[size])
    journal = folder.with_name(folder.name + "-sets")
    journal.mkdir(parents=True, exist_ok=True)
    with (journal / "sets.jsonl").open("w", encoding="utf-8") as stream:
        for problem in generate_problems("train", problems, seed, size):
            for raw in raw_sets(problem, write(problem), seed):
                stream.write(json.dumps(raw.to_dict()) + "\n")
    build_dataset(BuildConfig(journal=str(journal), output=str(folder), validation_fraction=VALIDATION_SHARE))


def teacher_sets(problem: Problem, seed: int, weak: Weaknesses) -> Iterator[Sequence[str]]:
    """The fallible teacher's sets of one problem."""
    world = read_world(problem)
    for index in range(SETS_PER_PROBLEM):
        yield teacher.decompose(world, random.Random(f"{seed}/{problem.problem_id}/{index}"), 0.7, weak)


def raw_sets(problem: Problem, sets: Iterable[Sequence[str]], seed: int) -> Iterator[RawSet]:
    """Sets of one problem, each with the solver's answers and the critic's votes."""
    world = read_world(problem)
    for index, questions in enumerate(sets):
        votes = []
        for sample in range(VOTES):
            critic = random.Random(f"{seed}/{problem.problem_id}/{index}/{sample}")
            verdicts = teacher.vote(world, questions, critic)
            votes.append("\n".join(f"Q{k}: {'Yes' if yes else 'No'}" for k, yes in enumerate(verdicts, start=1)))
        answers = solver.solve(world, questions, seed)
        yield RawSet(problem, index, format_sub_questions(questions), answers, tuple(votes), (), PROVENANCE)


def held_out_problems(count: int, size: str, seed: int = 0) -> list[Problem]:
    """Problems that no training set has seen."""
    return generate_problems("test", count, seed, size)


def score(problems: Sequence[Problem], sets: Sequence[Sequence[str] | None], solver_seed: int = 0) -> list[int]:
    """1 where the solver's final answer with these sub-questions is right; None (an unreadable set) is wrong."""
    return [
        int(questions is not None and is_right(problem, read_world(problem), questions, solver_seed))
        for problem, questions in zip(problems, sets, strict=True)
    ]


def read_world(problem: Problem) -> World:
    """The graph behind a problem of this world."""
    world = World.read(problem.problem)
    assert world is not None, problem.problem_id
    return world


def is_right(problem: Problem, world: World, questions: Sequence[str], solver_seed: int) -> bool:
    """Whether the solver's final answer with these sub-questions is right; `world` is the problem's."""
    return grade_answer(solver.solve(world, questions, solver_seed), problem, "first_marker").verdict == "correct"
