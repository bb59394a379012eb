"""What is asked of a model and what came back: the two records of the text service.

Every field of a `Request` shapes the reply, so its key is the hash of all of them; the endpoint and the API key do
not, so they are no part of it. `sample_index` tells repeats apart. One journal entry as JSON:

    {"key": "9f2c...", "request": {"task": "decompose", "model": "gpt-4o-mini", "messages": [{"role": "user", ...}],
     "decoding": {"temperature": 0.7, "max_tokens": 512}, "problem_id": "gsm8k-train-00012", "sample_index": 2},
     "text": "Q1: ...", "finish_reason": "stop", "prompt_tokens": 412, "completion_tokens": 58, "cost_usd": 0.0001,
     "latency_s": 1.2, "error_kind": null, "error": null}
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from dataset_builder.core.encodings import whole_characters


@dataclass(frozen=True)
class Request:
    """One chat completion: `messages` in OpenAI's form, `decoding` its parameters (temperature, max_tokens, stop)."""

    task: str
    model: str
    messages: tuple[dict[str, str], ...]
    decoding: dict[str, Any] = field(default_factory=dict)
    problem_id: str = ""
    sample_index: int = 0

    def __post_init__(self) -> None:
        """A surrogate without its pair is replaced: neither the wire nor the journal could hold it."""
        if not all(message["content"].isascii() for message in self.messages):
            whole = tuple({**message, "content": whole_characters(message["content"])} for message in self.messages)
            object.__setattr__(self, "messages", whole)

    @functools.cached_property
    def key(self) -> str:
        """sha256 (hex) of the canonical JSON of every field."""
        canonical = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Every field, ready for JSON; `dataclasses.asdict` would copy the messages first, at six times the cost."""
        return {
            "task": self.task,
            "model": self.model,
            "messages": self.messages,
            "decoding": self.decoding,
            "problem_id": self.problem_id,
            "sample_index": self.sample_index,
        }


@dataclass(frozen=True)
class Response:
    """An answered request, or the record of its failure: then `text` is None (or what came) and `error_kind` says why.

    `error_kind`: length | content_filter | empty | bad_request | moderation | rate_limit | server | timeout |
    connection | bad_reply. `cost_usd` is None when the model's price is unknown. `reasoning` is what the server
    sent of it beside the text; `completion_tokens` counts it, `reasoning_tokens` is its share where that is told.
    """

    request: Request
    text: str | None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    latency_s: float = 0.0
    error_kind: str | None = None
    error: str | None = None
    reasoning: str | None = None
    reasoning_tokens: int = 0

    @property
    def ok(self) -> bool:
        return self.error_kind is None
