"""A solver that answers by a function, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dataset_builder.solving.records import CompletionRequest, Reply, Usage


class ScriptedSolver:
    """Answers each question by a function of it and keeps what it was asked."""

    def __init__(self, reply: Callable[[CompletionRequest], str | None]) -> None:
        self.metadata: dict[str, Any] = {"kind": "scripted", "label": "scripted"}
        self.reply, self.asked = reply, list[CompletionRequest]()

    def complete(self, requests: Sequence[CompletionRequest]) -> list[Reply]:
        self.asked += requests
        return [Reply(self.reply(item), usage=Usage(10, 1, 0.0, 0.5)) for item in requests]
