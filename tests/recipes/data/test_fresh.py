"""Fresh problems: none twice, none of the dataset's, as many as a run draws, and listed as trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.recipe import RecipeConfig
from recipes.config.sampling import rewarded_rows, sampled_problems, sampled_rows
from recipes.config.settings import ExpertIterationSettings, GrpoSettings
from recipes.data.fresh import fresh_problems
from recipes.data.load import load_training_data

Recipe = Callable[..., RecipeConfig]


def texts(seed: int) -> list[str]:
    return [row["problem"] for row in fresh_problems("micro_gsm:small", 50, seed)]


def test_fresh_problems_never_come_twice_and_are_no_problems_of_a_dataset_of_the_same_seed() -> None:
    assert len(set(texts(2))) == 50
    assert not set(texts(2)) & {problem.problem for problem in generate_problems("train", 50, 2)}
    assert texts(2) != texts(3)


def test_a_size_that_there_is_not_is_one_line() -> None:
    with pytest.raises(UserError, match="no MicroGSM size 'huge'"):
        fresh_problems("micro_gsm:huge", 1, seed=0)


def test_a_run_gets_as_many_as_it_draws(reward_recipe: Recipe, tmp_path: Path) -> None:
    grpo = GrpoSettings(problems="micro_gsm:small", samples_per_problem=4, oversample=3)
    config = reward_recipe(tmp_path, method="grpo", init_from="x", grpo=grpo, max_steps=5, effective_batch_size=8)
    assert (sampled_rows(config), sampled_problems(config)) == (120, 30)
    assert load_training_data(config).count == 30
    twice = dataclasses.replace(config, grpo=dataclasses.replace(grpo, updates_per_draw=2))
    assert sampled_rows(twice) == 72  # three draws
    screened = dataclasses.replace(config, grpo=dataclasses.replace(grpo, screen=5))
    assert (rewarded_rows(screened), sampled_rows(screened), sampled_problems(screened)) == (120, 270, 150)
    rounds = ExpertIterationSettings(problems="micro_gsm:small", samples_per_problem=4, updates_per_round=3)
    changes = {"method": "expert_iteration", "init_from": "x", "expert_iteration": rounds, "effective_batch_size": 8}
    assert sampled_rows(reward_recipe(tmp_path, **changes, max_steps=4)) == 48  # two whole rounds


def test_of_a_dataset_each_problem_counts_once(reward_recipe: Recipe, tmp_path: Path) -> None:
    data = load_training_data(reward_recipe(tmp_path, method="grpo", init_from="x", grpo=GrpoSettings()))
    assert len(set(data.train["problem_id"])) == data.count > 20
    assert data.dropped == 0
    assert data.validation == {}
