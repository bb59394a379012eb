"""The three questions asked for every set: what each request says, and how the replies make one `RawSet`.

    problem --decompose--> questions --answer--> answers
                                     --feedback x votes--> verdicts

Pure functions of the problems, the plan and what a journal holds: no network, no clock. A set's requests differ in
`sample_index`, so that repeats are different requests: set i asks for sub-questions and answers with index i and for
vote j with index 1000 i + j. More sets or more votes therefore ask only for what is new.

Source: arXiv 2402.01812, section 3 (three prompts, temperature 0.7, three sets, three votes).
Differences: 1. a set is answered by its own request, never matched by line order; 2. failures are part of the set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dataset_builder.llm.request import Request, Response
from dataset_builder.prompts import Prompt
from dataset_builder.schema.records import Failure, Problem, Provenance, RawSet
from dataset_builder.solving.texts import fill_prompt
from dataset_builder.text.parsing import parse_sub_questions
from dataset_builder.text.replies import read_reply

MOST_VOTES = 1000

Lookup = Callable[[str], Response | None]


@dataclass(frozen=True)
class Stage:
    """Who is asked, with which prompt and decoding; `seed` plus the sample's index is sent along unless it is None."""

    task: str
    model: str
    prompt: Prompt
    decoding: dict[str, Any]
    seed: int | None = None

    def request(self, problem: Problem, sample_index: int, sub_questions: Sequence[str] | None = None) -> Request:
        message = {"role": "user", "content": fill_prompt(self.prompt, problem, sub_questions)}
        decoding = self.decoding if self.seed is None else {**self.decoding, "seed": self.seed + sample_index}
        return Request(self.task, self.model, (message,), decoding, problem.problem_id, sample_index)


@dataclass(frozen=True)
class Plan:
    """What is asked for every problem: `sets` sets of sub-questions, each answered once and judged `votes` times."""

    decompose: Stage
    answer: Stage
    feedback: Stage
    sets: int
    votes: int

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Those that are asked: without votes there is no feedback."""
        return (self.decompose, self.answer, self.feedback) if self.votes else (self.decompose, self.answer)

    def questions_request(self, problem: Problem, set_index: int) -> Request:
        return self.decompose.request(problem, set_index)

    def follow_ups(self, problem: Problem, set_index: int, questions: Sequence[str]) -> list[Request]:
        """The answer request and the votes of a set, which need its questions and nothing else."""
        votes = range(set_index * MOST_VOTES, set_index * MOST_VOTES + self.votes)
        return [
            self.answer.request(problem, set_index, questions),
            *(self.feedback.request(problem, index, questions) for index in votes),
        ]


def sub_questions_of_reply(response: Response | None) -> tuple[str, ...] | Failure:
    """The sub-questions of a decompose reply, or why there are none."""
    if response is None:
        return Failure("decompose", "not_asked")
    if not response.ok or response.text is None:
        return Failure("decompose", response.error_kind or "empty", response.error or "")
    return parse_sub_questions(response.text)


def said_in(response: Response | None) -> str | None:
    """What an answered request says, without its reasoning and marks; the journal keeps what came."""
    return read_reply(response.text).text if response is not None and response.ok else None


def collect_set(plan: Plan, problem: Problem, set_index: int, lookup: Lookup) -> RawSet | None:
    """One set from the replies there are; None when nothing of it was ever asked.

    Args:
        plan: what was asked.
        problem: the problem.
        set_index: which of its sets.
        lookup: gives the reply to a request's key, or None.
    """
    decomposed = lookup(plan.questions_request(problem, set_index).key)
    if decomposed is None:
        return None
    questions = sub_questions_of_reply(decomposed)
    replies: list[Response | None] = [None] * (1 + plan.votes)
    failures = []
    if isinstance(questions, Failure):
        failures.append(questions)
    else:
        replies = [lookup(request.key) for request in plan.follow_ups(problem, set_index, questions)]
        failures = list(_failures(replies))
    texts = [said_in(reply) for reply in replies]
    return RawSet(
        problem=problem,
        set_index=set_index,
        questions_text=said_in(decomposed),
        answers_text=texts[0],
        feedback_texts=tuple(texts[1:]),
        failures=tuple(failures),
        provenance=_provenance(plan, [decomposed, *replies]),
    )


def open_requests(plan: Plan, problem: Problem, set_index: int, lookup: Lookup) -> list[Request]:
    """The requests of a set that can be asked now and were not: its questions, else what follows from them.

    Args:
        plan: what is asked.
        problem: the problem.
        set_index: which of its sets.
        lookup: gives the reply to a request's key, or None.
    """
    first = plan.questions_request(problem, set_index)
    decomposed = lookup(first.key)
    if decomposed is None:
        return [first]
    questions = sub_questions_of_reply(decomposed)
    if isinstance(questions, Failure):
        return []
    return [request for request in plan.follow_ups(problem, set_index, questions) if lookup(request.key) is None]


def collect_sets(plan: Plan, problems: Sequence[Problem], lookup: Lookup) -> Iterator[RawSet]:
    """All sets in the order of the problems, one at a time."""
    for problem in problems:
        for set_index in range(plan.sets):
            collected = collect_set(plan, problem, set_index, lookup)
            if collected is not None:
                yield collected


def _failures(replies: Sequence[Response | None]) -> Iterator[Failure]:
    for position, reply in enumerate(replies):
        stage = "feedback" if position else "answer"
        if reply is None:
            yield Failure(stage, "not_asked")
        elif not reply.ok:
            yield Failure(stage, reply.error_kind or "empty", reply.error or "")
        elif not (said_in(reply) or "").strip():
            yield Failure(stage, "empty", "the reply holds reasoning and no text")


def _provenance(plan: Plan, replies: Sequence[Response | None]) -> Provenance:
    came = [reply for reply in replies if reply is not None]
    return Provenance(
        source="generated",
        teacher=plan.decompose.model,
        solver=plan.answer.model,
        prompts={stage.task: stage.prompt.reference for stage in plan.stages},
        temperature=plan.decompose.decoding.get("temperature"),
        prompt_tokens=sum(reply.prompt_tokens for reply in came),
        completion_tokens=sum(reply.completion_tokens for reply in came),
        cost_usd=_cost(came),
    )


def _cost(replies: Sequence[Response]) -> float | None:
    """Of all replies together; None where a price is unknown, which is not a price of zero."""
    costs = [reply.cost_usd for reply in replies]
    return None if None in costs else round(sum(cost for cost in costs if cost is not None), 10)
