"""Cloning by reward: weights and draws follow the return, and at a high temperature it is cloning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from recipes.config.recipe import RecipeConfig
from recipes.config.settings import RewardWeightingSettings
from recipes.data.load import TrainingData
from recipes.methods.reward_weighted import RewardWeighted, reward_weights
from recipes.train import run_recipe
from recipes.training.record import read_train_record

Recipe = Callable[..., RecipeConfig]


def test_weights_average_one_and_no_set_exceeds_the_cap() -> None:
    assert sum(reward_weights([0.3, 1.0, 2.0], 0.7, 20.0)) == pytest.approx(3)
    assert max(reward_weights([0.0] * 99 + [2.0], 0.1, 5.0)) == 5.0


def method_on(config: RecipeConfig, returns: list[float]) -> RewardWeighted:
    """The method on sets with these returns, half of each earned by its only step."""
    halves = [value / 2 for value in returns]
    columns = {"steps": [["?"] for _ in returns], "step_rewards": [[half] for half in halves], "final_reward": halves}
    return RewardWeighted(config, TrainingData(columns, {}, 0, {}))


def weighed(reward_recipe: Recipe, method: str, returns: list[float], temperature: float) -> list[dict[str, Any]]:
    config = reward_recipe(
        Path("unused"), method=method, reward_weighting=RewardWeightingSettings(temperature=temperature)
    )
    rows = [{"input_ids": [row], "weight": 1.0} for row in range(len(returns))]
    return method_on(config, returns).draw(rows)


def test_a_draw_leaves_bad_sets_out_where_weights_make_them_small(reward_recipe: Recipe) -> None:
    returns = [0.0, 0.5, 2.0] * 50
    weighted, drawn = (
        weighed(reward_recipe, method, returns, 0.1) for method in ("reward_weighted_bc", "resampled_bc")
    )
    assert [row["input_ids"] for row in weighted] == [[row] for row in range(150)]
    assert max(row["weight"] for row in weighted[0::3]) < 1e-6
    assert len(drawn) == 150
    assert {row["weight"] for row in drawn} == {1.0}
    assert {returns[row["input_ids"][0]] for row in drawn} == {2.0}


def test_a_draw_holds_a_set_as_often_as_its_weight_says(reward_recipe: Recipe) -> None:
    returns = [0.0] * 3000 + [1.0] * 3000
    weights, drawn = (
        weighed(reward_recipe, method, returns, 1.0) for method in ("reward_weighted_bc", "resampled_bc")
    )
    share = sum(row["weight"] for row in weights[3000:]) / 6000
    assert sum(row["input_ids"][0] >= 3000 for row in drawn) / 6000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.0), ("temperature", -1.0), ("max_weight", 0.0)])
def test_a_temperature_or_limit_of_zero_is_refused(name: str, value: float) -> None:
    with pytest.raises(UserError, match=f"reward_weighting.{name} must be above 0"):
        RewardWeightingSettings(**{name: value})


def test_reward_weights_at_a_high_temperature_train_what_cloning_trains(
    cloned: Path, reward_recipe: Recipe, tmp_path: Path
) -> None:
    start, flat = {"init_from": str(cloned), "max_steps": 1}, RewardWeightingSettings(temperature=1e6)
    plain = run_recipe(reward_recipe(tmp_path / "bc", **start))
    weighted = run_recipe(
        reward_recipe(tmp_path / "flat", method="reward_weighted_bc", reward_weighting=flat, **start)
    )
    losses = [read_train_record(out).loss_curve[0][1] for out in (plain, weighted)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
