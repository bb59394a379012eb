"""How far each way of learning could come in a world: no model, no budget, only what the recorded sets allow.

    python -m tests.experiments.offline_rl.limits                # both worlds, as a Markdown table

For each of some validation problems the teacher writes many sets, the solver answers them and the critic votes, and
the best choice of the next sub-question is read off their counts, prefix by prefix: by frequency (cloning), by
frequency among the sets recorded as right (filtered cloning) or among sets drawn in proportion to exp(return / 0.1)
(resampled cloning), or by the largest return recorded from there on, with a maximum over what follows (Q-learning: it
can join the good beginning of one set to the good end of another). Where cloning of chosen sets reaches the reference
there is nothing left for offline RL to win but speed.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataset_builder.core.markdown import draw_table
from dataset_builder.micro_gsm import teacher
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.schema.records import Problem
from recipes.data.returns import resample_rows, set_returns
from tests.experiments.offline_rl.world import VOTES, WEAKNESSES, is_right, read_world, score

SETS = 200
RARE = 3
"""A next question that fewer sets show is no choice, where there are twice as many sets."""
GAMMA = 0.98
TEMPERATURE = 0.1
"""Of the draw by return, as in the benchmark."""


@dataclass(frozen=True)
class Recorded:
    """One set with what was recorded of it."""

    questions: tuple[str, ...]
    usefulness: tuple[float, ...]
    right: bool

    def next(self, known: int) -> str | None:
        """The question after the first `known`, None where the set ends."""
        return self.questions[known] if len(self.questions) > known else None


def recorded_sets(problem: Problem, size: str) -> list[Recorded]:
    """Many sets of one problem by the world's teacher, each with its own guesses and slips of the solver."""
    world, rng = read_world(problem), random.Random(f"limits/{problem.problem_id}")
    sets = []
    for index in range(SETS):
        questions = tuple(teacher.decompose(world, rng, 0.7, WEAKNESSES[size]))
        votes = [teacher.vote(world, questions, rng) for _ in range(VOTES)]
        usefulness = tuple(sum(column) / VOTES for column in zip(*votes, strict=True))
        sets.append(Recorded(questions, usefulness, is_right(problem, world, questions, index)))
    return sets


def by_frequency(sets: Sequence[Recorded]) -> tuple[str, ...]:
    """The set that the most frequent next question gives, step by step: the limit of cloning."""
    prefix: tuple[str, ...] = ()
    while sets:
        groups = _groups(sets, len(prefix))
        question = max(groups, key=lambda item: len(groups[item]))
        if question is None:
            break
        prefix, sets = (*prefix, question), groups[question]
    return prefix


def drawn(sets: Sequence[Recorded]) -> list[Recorded]:
    """As many sets, drawn by return as the benchmark's resampled_bc draws them."""
    columns = {"final_reward": [item.right for item in sets], "step_rewards": [item.usefulness for item in sets]}
    return resample_rows(sets, set_returns(columns), TEMPERATURE, seed=0)


def by_value(sets: Sequence[Recorded], step: Callable[[float], float]) -> tuple[str, ...]:
    """The set of largest value under the recorded rewards: the limit of Q-learning on what the sets show."""

    def best(sets: Sequence[Recorded], prefix: tuple[str, ...]) -> tuple[float, tuple[str, ...]]:
        groups = _groups(sets, len(prefix))
        result = []
        for question, group in groups.items():
            if len(group) < RARE and len(sets) >= 2 * RARE:
                continue
            if question is None:
                result.append((sum(item.right for item in group) / len(group), prefix))
                continue
            reward = sum(step(item.usefulness[len(prefix)]) for item in group) / len(group)
            value, whole = best(group, (*prefix, question))
            result.append((reward + GAMMA * value, whole))
        return max(result, key=lambda pair: pair[0], default=(0.0, prefix))

    return best(sets, ())[1]


def _groups(sets: Sequence[Recorded], known: int) -> dict[str | None, list[Recorded]]:
    groups = defaultdict(list)
    for item in sets:
        groups[item.next(known)].append(item)
    return dict(groups)


WAYS: dict[str, Callable[[list[Recorded]], tuple[str, ...]]] = {
    "bc": by_frequency,
    "filtered_bc": lambda sets: by_frequency([item for item in sets if item.right]),
    "resampled_bc": lambda sets: by_frequency(drawn(sets)),
    "ilql_sparse": lambda sets: by_value(sets, lambda useful: 0.0),
    "ilql_full": lambda sets: by_value(sets, lambda useful: useful),
}


def limits(size: str, count: int) -> dict[str, float]:
    """Way -> solver accuracy of its sets; beside them the teacher's and the reference's."""
    problems = generate_problems("validation", count, 0, size)
    recorded = [recorded_sets(problem, size) for problem in problems]
    sets = [item for ones in recorded for item in ones]
    table = {"teacher": sum(item.right for item in sets) / len(sets)}
    for name, way in WAYS.items():
        table[name] = sum(score(problems, [way(ones) for ones in recorded])) / count
    references = [problem.reference_sub_questions for problem in problems]
    return table | {"reference": sum(score(problems, references)) / count}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=300, help=f"validation problems, each with {SETS} sets")
    options = parser.parse_args(argv)
    tables = {size: limits(size, options.problems) for size in WEAKNESSES}
    names = list(next(iter(tables.values())))
    print(
        draw_table(
            ["world", *names], ([size, *(f"{row[name]:.3f}" for name in names)] for size, row in tables.items())
        )
    )


if __name__ == "__main__":
    main()
