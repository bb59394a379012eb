"""Recipes: keys are read strictly, and what contradicts itself is refused before torch is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from recipes.config.compose import parse_recipe
from recipes.config.recipe import RecipeConfig, check_recipe
from recipes.config.settings import IlqlSettings


def parse(*argv: str) -> RecipeConfig:
    return parse_recipe(RecipeConfig, argv, prog="train", description="")


def test_unknown_key_fails_and_names_the_nearest(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("learning_rat: 1e-4\n", encoding="utf-8")
    with pytest.raises(UserError, match="unknown key 'learning_rat', did you mean 'learning_rate'"):
        parse("--config", str(recipe))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effective_batch_size": 8, "micro_batch_size": 3}, "multiple of micro_batch_size"),
        ({"max_steps": 0}, "max_steps must be at least 1"),
        ({"adapter": "lora"}, "random weights"),
        ({"tiny_hidden_size": 30, "tiny_heads": 4}, "tiny_heads"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_recipe(RecipeConfig(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "pair", "key"),
    [
        ("dpo", "beta=0.2", "--preference.beta"),
        ("ilql_full", "td_lambda=0.5", "--ilql.td_lambda"),
        ("ilql_full", "trace=0.5", "--ilql.td_lambda"),
        ("resampled_bc", "temperature=0.5", "--reward_weighting.temperature"),
    ],
)
def test_a_trainer_option_that_is_a_setting_today_names_it(method: str, pair: str, key: str) -> None:
    with pytest.raises(UserError, match=f"trainer_options: {pair} is a setting of its own now, {key}"):
        check_recipe(RecipeConfig(method=method, trainer_options=[pair], init_from="start"))


def test_settings_of_another_method_are_refused() -> None:
    with pytest.raises(UserError, match="ilql holds settings of other methods than bc"):
        check_recipe(RecipeConfig(ilql=IlqlSettings()))


def test_a_method_has_its_own_settings_and_no_others() -> None:
    config = RecipeConfig(method="ilql_full")
    assert (config.ilql, config.preference, config.reward_weighting) == (IlqlSettings(), None, None)


def test_reading_a_recipe_loads_no_torch() -> None:
    code = "import sys, recipes.train; sys.exit('torch' in sys.modules or 'trl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
