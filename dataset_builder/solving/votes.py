"""A feedback model's votes on sub-questions, asked through the same protocol as a solver's answers.

    usefulness_of_sets(critic, problems, [("How many pens?", "What do they cost?")], votes=3)
    -> [Judged(usefulness=(1.0, 0.6667), failure=None)]

Each vote is a request of its own, told apart by its `sample_index`; a set's usefulness is the share of its readable
votes that say yes, question by question.

Source: arXiv 2402.01812, section 3 (the third prompt, three votes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataset_builder.prompts import load_prompt
from dataset_builder.schema.records import Failure, Problem
from dataset_builder.solving.records import CompletionRequest, Reply, Solver
from dataset_builder.solving.texts import fill_prompt
from dataset_builder.text.parsing import parse_votes

FEEDBACK_PROMPT = "feedback.v1"


@dataclass(frozen=True, slots=True)
class Judged:
    """What the votes say of one set."""

    usefulness: tuple[float | None, ...]
    """Per sub-question; None where no vote on it can be read."""
    failure: Failure | None = None
    """Of the first request that got no answer, so that nothing is known of the set."""

    @property
    def mean(self) -> float | None:
        """Over the sub-questions that were judged; None where none was."""
        known = [value for value in self.usefulness if value is not None]
        return sum(known) / len(known) if known else None


def usefulness_of_sets(
    critic: Solver, problems: Sequence[Problem], sets: Sequence[Sequence[str]], votes: int
) -> list[Judged]:
    """What a feedback model says of each set, asked concurrently, in the order of the problems.

    Args:
        critic: who votes.
        problems: what the sub-questions are about; a problem may stand there often.
        sets: one per problem, none of them empty.
        votes: how often each set is judged.
    """
    prompt = load_prompt(FEEDBACK_PROMPT)
    requests = [
        CompletionRequest(problem.problem_id, "feedback", fill_prompt(prompt, problem, questions), sample_index=index)
        for problem, questions in zip(problems, sets, strict=True)
        for index in range(votes)
    ]
    replies = critic.complete(requests)
    return [
        _judge(replies[number * votes : (number + 1) * votes], len(questions)) for number, questions in enumerate(sets)
    ]


def share_of_yes(votes: Sequence[bool | None]) -> float | None:
    """The usefulness of one sub-question: the share of its readable votes that say yes.

    >>> share_of_yes([True, None, False]), share_of_yes([None])
    (0.5, None)
    """
    readable = [vote for vote in votes if vote is not None]
    return sum(readable) / len(readable) if readable else None


def _judge(replies: Sequence[Reply], count: int) -> Judged:
    if failure := next((reply.failure for reply in replies if reply.failure), None):
        return Judged((None,) * count, failure)
    parsed = [parse_votes(reply.text, count) for reply in replies]
    read = [votes for votes in parsed if not isinstance(votes, Failure)]
    return Judged(tuple(share_of_yes(column) for column in zip(*read, strict=True)) if read else (None,) * count)
