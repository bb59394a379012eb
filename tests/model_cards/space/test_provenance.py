"""The page says in plain words who asks, who answers and from where."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from model_cards.space.config import SpaceConfig
from model_cards.space.zero_gpu import with_gpu


def test_the_embedded_world_is_called_a_program_and_an_endpoint_by_its_host() -> None:
    world = SpaceConfig().origins
    assert world[-1] == (
        "The answers: **micro-gsm-solver**, MicroGSM, a small program of this toolkit without a language model in it."
    )
    asked = SpaceConfig(
        decomposers=["checkpoint:me/subq", "api:gpt-4o-mini", "none"],
        solver="openai:gpt-4o-mini",
        base_url="https://example.org/v1",
    )
    assert asked.origins == [
        "**subq**: sub-questions by the model `subq`, run by this page.",
        "**gpt-4o-mini**: asked at example.org.",
        "**no sub-questions**: the problem is answered as it stands.",
        "The answers: **gpt-4o-mini**, asked at example.org.",
    ]


def test_a_function_asks_zero_gpu_for_its_gpu_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    spaces = ModuleType("spaces")
    spaces.GPU = lambda duration: lambda function: ("on a GPU", duration, function)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    assert with_gpu(len) is len
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    assert with_gpu(len) == ("on a GPU", 30, len)
