"""Training on preferences and rewards: every adapter trains, is saved, loaded and decodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.recipe import RecipeConfig
from recipes.modeling import load_policy
from recipes.train import run_recipe
from recipes.training.record import read_train_record

Recipe = Callable[..., RecipeConfig]
METHODS = ("dpo", "kto", "reward_weighted_bc", "resampled_bc")


@pytest.mark.parametrize("method", METHODS)
def test_trains_saves_and_decodes(method: str, cloned: Path, reward_recipe: Recipe, tmp_path: Path) -> None:
    out = run_recipe(reward_recipe(tmp_path / method, method=method, init_from=str(cloned)))
    record = read_train_record(out)
    assert (record.method, record.updates) == (method, 4)
    assert 0 < record.trained_tokens < record.read_tokens
    assert len(load_policy(out, device="cpu").generate(generate_problems("test", 2, 0), max_new_tokens=4)) == 2


@pytest.mark.parametrize("method", METHODS)
def test_adapter_on_a_four_bit_base_trains_on_a_cpu(
    method: str, cloned_adapter: Path, reward_recipe: Recipe, tmp_path: Path
) -> None:
    config = reward_recipe(
        tmp_path / method, method=method, adapter="qlora", init_from=str(cloned_adapter), max_steps=2
    )
    out = run_recipe(config)
    assert (out / "adapter_model.safetensors").is_file()
    assert not (out / "ref").exists()
    policy = load_policy(out, device="cpu", four_bit=True)
    assert len(policy.generate(generate_problems("test", 1, 0), max_new_tokens=4)) == 1


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_needs_a_checkpoint_to_start_from(method: str, reward_recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="starts from a trained checkpoint"):
        run_recipe(reward_recipe(tmp_path / "out", method=method))
