"""A model behind an OpenAI-compatible endpoint: OpenAI, vLLM, Ollama, llama.cpp, transformers serve, MicroGSM.

    solver = EndpointSolver("gpt-4o-mini", SolverOptions(ServiceSettings(max_cost_usd=2.0), Path("journal.sqlite")))
    solver.complete([CompletionRequest("p-1", "answer", "Problem: ...")])

Many requests are under way at a time, as the settings allow; each is in the journal before it is used, so the same
request is paid for once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.progress import tell
from dataset_builder.llm.journal.asked_how import asked_how
from dataset_builder.llm.request import Response
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.solving.completions import ask, to_reply, to_request
from dataset_builder.solving.records import CompletionRequest, Reply
from dataset_builder.text.replies import count_taken_off, told_taken_off

MANY_EMPTY = 0.1
"""The share of replies without a text that is said."""


@dataclass(frozen=True)
class SolverOptions:
    """What a solver needs besides its name."""

    settings: ServiceSettings
    """Endpoints, limits and cost cap."""
    journal: Path
    """Every request and its answer."""
    temperature: float = 0.0
    """Greedy at 0; above it a request's `sample_index` is its seed."""
    max_new_tokens: int = 500
    """Limit per reply."""
    batch_size: int = 64
    """Prompts decoded together by a model in this process."""
    reasoning_effort: str = ""
    """How long a reasoning model behind an endpoint thinks; empty: not sent."""
    asked_before: Path | None = None
    """Another run: what an endpoint answered there is not asked again."""

    @property
    def decoding(self) -> dict[str, Any]:
        effort = {"reasoning_effort": self.reasoning_effort} if self.reasoning_effort else {}
        return {"temperature": self.temperature, "max_tokens": self.max_new_tokens, **effort}


@dataclass
class EndpointSolver:
    """A model behind an endpoint, through the generator's client and journal."""

    model: str
    """Its name at the endpoint."""
    options: SolverOptions
    """Endpoints, journal and decoding."""

    def __post_init__(self) -> None:
        name = Path(self.model).name if Path(self.model).is_absolute() else self.model  # vLLM serves under a path
        names = {"kind": "openai", "label": name, "model": name}
        self.metadata: dict[str, Any] = names | {"decoding": self.options.decoding}

    def complete(self, requests: Sequence[CompletionRequest]) -> list[Reply]:
        if not requests:
            return []
        options = self.options
        sent = [to_request(item, self.model, options.decoding) for item in requests]
        label = f"{requests[0].task} {self.model}"
        responses = ask(sent, options.settings, options.journal, label=label, asked_before=options.asked_before)
        for line in told_of_replies(responses):
            tell(f"{label}: {line}")
        self.metadata |= asked_how(options.journal, self.model, options.decoding, options.settings)
        return [to_reply(response, item.stop) for response, item in zip(responses, requests, strict=True)]


def told_of_replies(responses: Sequence[Response]) -> list[str]:
    """What a user should know of many replies: what was taken off them, and that many hold nothing."""
    taken = told_taken_off(count_taken_off(response.text for response in responses))
    empty = sum(response.error_kind == "empty" for response in responses)
    lines = [taken] if taken else []
    if empty >= MANY_EMPTY * len(responses):
        lines.append(
            f"{empty:,} of {len(responses):,} replies hold no text; a stop string may have cut them to nothing "
            "(--leave_out stop), or reasoning used up all tokens"
        )
    return lines
