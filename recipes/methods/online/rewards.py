"""What a sample earns, part by part.

    solver      the outcome of the solver's answer with these sub-questions, 0 to 1
    questions   less a cost for each sub-question, at most what the set has earned
    votes       plus a weight times the mean usefulness that a feedback model's votes give

A sample that cannot be read, holds no sub-question, or was cut before its end, earns 0 and is not asked. So does a
readable set at worst: a cost that could go below would make writing nonsense the better choice. A request that failed
is no reward at all: `NotAnswered` stops the run before anything is learnt from it.

A set whose votes came but cannot be read counts as half useful, because that is the feedback model's doing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Failure, Problem
from dataset_builder.solving.records import PARSE_KINDS, Decomposition, Solver
from dataset_builder.solving.solve import Solved, solve_problems
from dataset_builder.solving.texts import read_decomposition
from dataset_builder.solving.votes import Judged, usefulness_of_sets
from recipes.config.settings import RewardSettings

NOT_READABLE_VOTES = 0.5


class NotAnswered(UserError):
    """Requests failed, so that nobody knows what the samples are worth."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One set that the policy wrote."""

    problem: Problem
    """What it is about."""
    text: str
    """As written."""
    ended: bool
    """False: it was cut at the limit of new tokens."""


@dataclass(frozen=True, slots=True)
class Earned:
    """What one sample earned."""

    parts: dict[str, float]
    """By name, see `part_names`."""
    readable: bool
    """Whether there were sub-questions to ask."""
    request: tuple[str, ...] = ()
    """The problem's id and the sub-questions: equal ones are one request."""

    @property
    def total(self) -> float:
        return sum(self.parts.values())


def part_names(settings: RewardSettings) -> tuple[str, ...]:
    """The parts that these settings have."""
    named = {"solver": True, "questions": settings.question_cost > 0, "votes": settings.vote_weight > 0}
    return tuple(name for name, there in named.items() if there)


class Reward:
    """Asks solver and feedback model about samples and adds up."""

    def __init__(self, settings: RewardSettings, solver: Solver, critic: Solver | None = None) -> None:
        self.settings, self.solver, self.critic = settings, solver, critic

    def __call__(self, samples: Sequence[Sample]) -> list[Earned]:
        """What each sample earned, all asked at once.

        Raises:
            NotAnswered: a request failed; what was answered is in the journal.
            UserError: the endpoint cannot be asked at all.
        """
        sets = [_read(sample) for sample in samples]
        problems = [sample.problem for sample in samples]
        solved = solve_problems(self.solver, problems, sets)
        _require_answers([item.grade.explanation for item in solved if item.outcome is None], len(samples))
        judged = self._judge(problems, sets)
        return [self._earned(*row) for row in zip(problems, sets, solved, judged, strict=True)]

    def _judge(self, problems: Sequence[Problem], sets: Sequence[Decomposition]) -> list[Judged | None]:
        if self.critic is None:
            return [None] * len(sets)
        asked = [index for index, item in enumerate(sets) if item.failure is None]
        judged: list[Judged | None] = [None] * len(sets)
        answers = usefulness_of_sets(
            self.critic,
            [problems[index] for index in asked],
            [sets[index].sub_questions for index in asked],
            self.settings.votes,
        )
        failures = [item.failure for item in answers if item.failure]
        _require_answers([f"feedback: {failure.kind}: {failure.detail}" for failure in failures], len(sets))
        for index, item in zip(asked, answers, strict=True):
            judged[index] = item
        return judged

    def _earned(self, problem: Problem, item: Decomposition, solved: Solved, judged: Judged | None) -> Earned:
        names = part_names(self.settings)
        if item.failure is not None:
            return Earned(dict.fromkeys(names, 0.0), False)
        useful = judged.mean if judged is not None else None
        gained = {
            "solver": solved.outcome or 0.0,
            "votes": self.settings.vote_weight * (NOT_READABLE_VOTES if useful is None else useful),
        }
        cost = self.settings.question_cost * len(item.sub_questions)
        gained["questions"] = -min(cost, sum(gained[name] for name in names if name in gained))
        return Earned({name: gained[name] for name in names}, True, (problem.problem_id, *item.sub_questions))


def _read(sample: Sample) -> Decomposition:
    if not sample.ended:
        return Decomposition(text=sample.text, failure=Failure("decompose", f"{PARSE_KINDS}:unended"))
    item = read_decomposition(sample.text, delimited=True)
    if item.none_needed:
        return Decomposition(text=sample.text, failure=Failure("decompose", f"{PARSE_KINDS}:empty"))
    return item


def _require_answers(failures: Sequence[str | None], asked: int) -> None:
    if failures:
        raise NotAnswered(f"{len(failures)} of {asked} samples got no reward: {failures[0]}")
