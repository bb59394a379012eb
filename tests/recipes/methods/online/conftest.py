"""A start that writes readable sets, and small recipes of the methods that learn from their own samples."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.micro_gsm.world import World
from dataset_builder.solving.records import CompletionRequest
from recipes.config.recipe import RecipeConfig
from recipes.config.settings import DistillationSettings, ExpertIterationSettings, GrpoSettings
from recipes.methods.online import rollouts
from recipes.train import run_recipe
from tests.support.scripted_solver import ScriptedSolver

SECTIONS: dict[str, tuple[str, Any]] = {
    "grpo": ("grpo", GrpoSettings),
    "expert_iteration": ("expert_iteration", ExpertIterationSettings),
    "on_policy_distillation": ("distillation", DistillationSettings),
}
Online = Callable[..., RecipeConfig]


@pytest.fixture(scope="session")
def start(reward_recipe: Callable[..., RecipeConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cloned just long enough to write readable sets."""
    folder = tmp_path_factory.mktemp("start") / "bc_full"
    return run_recipe(reward_recipe(folder, max_steps=60, learning_rate=1e-2, validation_examples=0))


@pytest.fixture(scope="session")
def online(reward_recipe: Callable[..., RecipeConfig], start: Path) -> Online:
    """Makes a small recipe that starts there; `online(out, "grpo", {"kl": 0.1}, max_steps=2)`."""

    def make(output: Path, method: str, settings: dict[str, Any] | None = None, **changes: Any) -> RecipeConfig:
        section, kind = SECTIONS[method]
        own: dict[str, Any] = {"max_new_tokens": 40} | (
            {"samples_per_problem": 4} if section != "distillation" else {}
        )
        own |= {"updates_per_round": 2} if method == "expert_iteration" else {}
        own |= {"teacher": str(start)} if section == "distillation" else {}
        values: dict[str, Any] = {"init_from": str(start), "solver": "micro_gsm", "max_steps": 4}
        values |= {section: kind(**own | (settings or {}))}
        return reward_recipe(output, method=method, **values | changes)

    return make


def answer_short_sets(request: CompletionRequest) -> str:
    """The right answer where there are one or two sub-questions, else a wrong one: easy to learn."""
    text, _, questions = request.text.rpartition("Problem:")[2].strip().partition("\n\n")
    world = World.read(text)
    assert world is not None
    return f"Final answer: {world.answer() if questions.count('Q') <= 2 else -1}"


@pytest.fixture
def short_sets_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every solver of a run is `answer_short_sets`."""

    @contextlib.contextmanager
    def opened(*_: object) -> Iterator[Callable[..., ScriptedSolver]]:
        yield lambda *_: ScriptedSolver(answer_short_sets)

    monkeypatch.setattr(rollouts, "open_solvers", opened)
