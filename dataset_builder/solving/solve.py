"""Many problems with their sub-questions through a solver, graded: what evaluation, selection and rewards ask for.

    solved = solve_problems(solver, problems, decompositions)        # in their order, asked concurrently
    [item.outcome for item in solved]  ->  [1.0, 0.0, None]            # right, wrong, the request failed

A request that failed has no outcome: it is never a zero. A decomposition that cannot be read was not sent; its outcome
is 0, because that is the decomposer's doing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dataset_builder.answers import DEFAULT_RULE
from dataset_builder.answers.kinds.kind import Grade
from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Problem
from dataset_builder.solving.grading import grade_reply, is_unreadable
from dataset_builder.solving.records import Decomposition, Reply, Solver
from dataset_builder.solving.single_stage import answer_directly
from dataset_builder.solving.texts import ANSWER_PROMPT, STUDENT_TEXT, answer_request


@dataclass(frozen=True, slots=True)
class Solved:
    """A solver's reply to one problem, with its grade."""

    reply: Reply
    """What came; empty where the decomposition had failed, so that nothing was sent."""
    grade: Grade
    """The verdict and what was read."""

    @property
    def outcome(self) -> float | None:
        """The grade's score in [0, 1]; None where a request failed, which says nothing of the sub-questions."""
        return None if self.grade.verdict == "request_failed" else self.grade.score


def solve_problems(
    solver: Solver,
    problems: Sequence[Problem],
    decompositions: Sequence[Decomposition],
    *,
    rule: str = DEFAULT_RULE,
    style: str = "none",
    seed: int = 0,
    answer_prompt: str = ANSWER_PROMPT,
) -> list[Solved]:
    """Asks for each problem's answer and grades the reply, in the order of the problems.

    Args:
        solver: who answers.
        problems: what is asked; a problem may stand there often, with different sub-questions.
        decompositions: one per problem.
        rule: how the final answer is read, one of `dataset_builder.answers.RULES`.
        style: how problems are asked that need no decomposition, see `single_stage`.
        seed: tells repeats apart.
        answer_prompt: how problems with sub-questions are asked.
    """
    replies = answer_problems(solver, problems, decompositions, style, seed, answer_prompt, rule)
    triples = zip(problems, decompositions, replies, strict=True)
    return [Solved(reply, grade_reply(problem, item, reply, rule)) for problem, item, reply in triples]


def accuracy_of(solved: Sequence[Solved]) -> float:
    """The share of right answers.

    Raises:
        UserError: there is none, or requests failed, so that the share would be of other problems than asked.
    """
    if not solved:
        raise UserError("no problems to score; the source or its limit leaves none")
    if failed := sum(item.grade.verdict == "request_failed" for item in solved):
        raise UserError(f"{failed} of {len(solved)} requests failed; the same command asks only what is missing")
    return sum(item.grade.verdict == "correct" for item in solved) / len(solved)


def answer_problems(
    solver: Solver,
    problems: Sequence[Problem],
    decompositions: Sequence[Decomposition],
    style: str,
    seed: int,
    answer_prompt: str = ANSWER_PROMPT,
    rule: str = DEFAULT_RULE,
) -> list[Reply]:
    """The solver's reply to each problem; a failed decomposition is not sent and gives an empty reply.

    Args:
        solver: who answers.
        problems: what is asked.
        decompositions: one per problem; those with `none_needed` are asked in the single-stage `style`.
        style: a key of SINGLE_STAGE, with "@K" for a vote over K samples.
        seed: tells repeats apart.
        answer_prompt: how the others are asked, unless the solver reads its own training text.
        rule: how the samples of a vote are read; a run votes by the rule that it grades by.
    """
    asked = [index for index, item in enumerate(decompositions) if item.failure is None]
    decomposed = [index for index in asked if not decompositions[index].none_needed]
    single = [index for index in asked if decompositions[index].none_needed]
    student = solver.metadata.get("reads") == STUDENT_TEXT
    requests = [
        answer_request(
            problems[index], decompositions[index].sub_questions, seed, prompt=answer_prompt, student=student
        )
        for index in decomposed
    ]
    answered = solver.complete(requests) + answer_directly(
        solver, [problems[index] for index in single], style, seed, rule
    )
    replies = [Reply() for _ in problems]
    for index, reply in zip(decomposed + single, answered, strict=True):
        replies[index] = reply
    return replies


def fall_back(decompositions: Sequence[Decomposition]) -> list[Decomposition]:
    """Decompositions that could not be read become "none needed": the solver gets the original problem."""
    return [
        replace(item, none_needed=True, failure=None) if is_unreadable(item.failure) else item
        for item in decompositions
    ]
