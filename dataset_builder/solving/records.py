"""What goes between a decomposer, a solver and their callers.

    CompletionRequest("gsm8k-test-00001", "answer", "...Problem: A robe takes 2 bolts ...\\n\\nAnswers:", ("\\nQ:",))
    Reply("A1: 2/2=1\\nFinal answer: 3", "stop", cut_characters=0, failure=None, usage=Usage(641, 44, 0.0001, 1.1))

`cost_usd` is None where the model's price is unknown: an unknown price is not a price of zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dataset_builder.schema.records import Failure

PARSE_KINDS = "parse"  # a decomposition that could not be read has a failure of the kind "parse:KIND"


@dataclass(frozen=True, slots=True)
class Usage:
    """What one request took, or several together."""

    prompt_tokens: int = 0
    """Tokens read."""
    completion_tokens: int = 0
    """Tokens written."""
    cost_usd: float | None = 0.0
    """None when the price is unknown, 0 for a model in process."""
    seconds: float = 0.0
    """Time of the request; a batch's time is shared equally among its requests."""
    saved_tokens: int = 0
    """What a stop string saved at most: the limit less what was written before it."""
    reasoning_tokens: int = 0
    """Those of `completion_tokens` that were written before the text, as far as the endpoint tells."""

    def __add__(self, right: Usage) -> Usage:
        costs = (self.cost_usd, right.cost_usd)
        return Usage(
            self.prompt_tokens + right.prompt_tokens,
            self.completion_tokens + right.completion_tokens,
            None if None in costs else sum(cost for cost in costs if cost is not None),
            self.seconds + right.seconds,
            self.saved_tokens + right.saved_tokens,
            self.reasoning_tokens + right.reasoning_tokens,
        )


def total_usage(usages: Iterable[Usage]) -> Usage:
    """The sum; its cost is None as soon as one price is unknown."""
    return sum(usages, start=Usage())


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The sub-questions for one problem."""

    sub_questions: tuple[str, ...] = ()
    """The questions in their order, without labels."""
    text: str | None = None
    """What the decomposer wrote."""
    none_needed: bool = False
    """The solver gets the bare problem: the decomposer said that it needs no decomposition, or there is none."""
    failure: Failure | None = None
    """Why there are no sub-questions: a request that failed, or `parse:KIND`."""
    usage: Usage = field(default_factory=Usage)
    """What the decomposer took."""


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One text to complete."""

    problem_id: str
    """Which problem it is about."""
    task: str
    """Names the request in the journal: decompose, answer, direct, self_ask."""
    text: str
    """The whole prompt."""
    stop: tuple[str, ...] = ()
    """The reply ends before the first of these."""
    sample_index: int = 0
    """Tells repeats apart; it is the seed where a temperature is above zero."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote, cut at the first stop string."""

    text: str | None = None
    """None where nothing was asked, or nothing came."""
    finish_reason: str | None = None
    """stop | length | stop_string | ..., as the model said."""
    cut_characters: int = 0
    """How much was thrown away behind the stop string."""
    failure: Failure | None = None
    """Why there is no text."""
    usage: Usage = field(default_factory=Usage)
    """What the reply took."""


class Solver(Protocol):
    """Completes texts. `metadata` says what it is (kind, label, decoding, ...) and goes into the results record."""

    metadata: dict[str, Any]

    def complete(self, requests: Sequence[CompletionRequest]) -> list[Reply]:
        """One reply per request, in their order, cut at the request's stop strings."""
        ...
