"""Fixtures: a small built dataset with rewards, a BC checkpoint on it (full and adapter), recipes that start there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recipes.config.recipe import RecipeConfig
from tests.experiments.offline_rl.world import write_dataset


@pytest.fixture(scope="session")
def reward_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder with every config, trajectories included."""
    folder = tmp_path_factory.mktemp("ilql") / "dataset"
    write_dataset(folder, problems=30, size="small")
    return folder


@pytest.fixture(scope="session")
def reward_recipe(reward_dataset: Path) -> Callable[..., RecipeConfig]:
    """Makes a small recipe on that dataset; `reward_recipe(out, method="ilql_full", init_from=...)`."""

    def make(output: Path, **changes: Any) -> RecipeConfig:
        from tests.recipes.conftest import SMALL

        return RecipeConfig(**(SMALL | {"dataset": str(reward_dataset), "output_dir": str(output)} | changes))

    return make


@pytest.fixture(scope="session")
def cloned(reward_recipe: Callable[..., RecipeConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A full BC checkpoint."""
    from recipes.train import run_recipe

    return run_recipe(reward_recipe(tmp_path_factory.mktemp("cloned") / "bc_full", max_steps=20))


@pytest.fixture(scope="session")
def trained_solver(reward_recipe: Callable[..., RecipeConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny solver after a few updates: it answers, seldom rightly."""
    from recipes.train import run_recipe

    config = reward_recipe(
        tmp_path_factory.mktemp("answering") / "solver", method="solver_teacher", max_length=256, max_steps=3
    )
    return run_recipe(config)


@pytest.fixture(scope="session")
def cloned_adapter(reward_recipe: Callable[..., RecipeConfig], cloned: Path) -> Path:
    """A BC adapter on that checkpoint, beside it."""
    from recipes.train import run_recipe

    return run_recipe(reward_recipe(cloned.parent / "bc_lora", adapter="lora", init_from=str(cloned)))
