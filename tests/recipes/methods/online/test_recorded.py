"""Recorded sets beside the own samples: what is drawn, what they hold, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from dataset_builder.core.errors import UserError
from dataset_builder.text.student_format import format_student_completion
from recipes.config.recipe import RecipeConfig
from recipes.data.load import TrainingData
from recipes.data.returns import set_returns
from recipes.data.tokenize import NO_LOSS
from recipes.methods.online import recorded as recorded_module
from recipes.methods.online import rollouts
from recipes.methods.online.recorded import RecordedSets, load_recorded
from recipes.methods.online.rewards import Earned
from recipes.modeling import load_policy
from recipes.models.types import Batch
from recipes.train import run_recipe
from recipes.training.record import read_train_record
from tests.recipes.methods.online.conftest import Online

CLONED = {"clone_weight": 1.0}


@pytest.fixture
def recorded(online: Online, start: Path, tmp_path: Path) -> RecordedSets:
    config = online(tmp_path / "out", "grpo", CLONED)
    return RecordedSets(load_recorded(config), config, load_policy(start, "cpu").tokenizer)


def same(one: Batch, other: Batch) -> bool:
    return all(one[name].shape == other[name].shape and torch.equal(one[name], other[name]) for name in one)


def test_a_batch_follows_from_its_step_and_trains_completions_alone(recorded: RecordedSets) -> None:
    first = recorded.batch(3, 6, "cpu")
    assert same(first, recorded.batch(3, 6, "cpu"))
    assert not same(first, recorded.batch(4, 6, "cpu"))
    known = {tuple(row["input_ids"]): row["labels"] for row in recorded.rows}
    rows = list(zip(*(first[name] for name in ("input_ids", "attention_mask", "labels")), strict=True))
    assert len(rows) == 6
    for ids, mask, labels in rows:
        length = int(mask.sum())
        assert labels[:length].tolist() == known[tuple(ids[:length].tolist())]
        assert set(labels[length:].tolist()) <= {NO_LOSS}


def test_what_earned_more_is_drawn_more_often(online: Online, start: Path, tmp_path: Path) -> None:
    config = online(tmp_path / "out", "grpo", CLONED)
    columns, tokenizer = load_recorded(config), load_policy(start, "cpu").tokenizer
    names = ("prompt", "steps")
    returns = set_returns(columns)
    worth = {prompt + format_student_completion(steps): value for prompt, steps, value in
             zip(*(columns[name] for name in names), returns, strict=True)}  # fmt: skip
    rows = RecordedSets(columns, config, tokenizer).rows
    drawn = [worth[tokenizer.decode(row["input_ids"], skip_special_tokens=True)] for row in rows]
    assert sum(drawn) / len(drawn) > sum(returns) / len(returns) + 0.1


def every_micro_batch_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = RecordedSets.batch
    monkeypatch.setattr(RecordedSets, "batch", lambda self, step, count, device: batch(self, 0, 4, device))


@pytest.mark.parametrize("method", ["grpo", "expert_iteration"])
def test_its_share_is_the_same_however_an_update_is_cut(
    online: Online, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    every_micro_batch_the_same(monkeypatch)
    weights = []
    for rows in (4, 8):
        config = online(tmp_path / str(rows), method, {"clone_weight": 3.0}, max_steps=1, micro_batch_size=rows)
        weights.append(load_file(run_recipe(config) / "model.safetensors"))
    assert all(weight.allclose(weights[1][name], atol=1e-5) for name, weight in weights[0].items())
    plain = load_file(run_recipe(online(tmp_path / "plain", method, max_steps=1)) / "model.safetensors")
    assert not all(weight.allclose(plain[name], atol=1e-5) for name, weight in weights[0].items())


def cloning_loss(folder: Path, recorded: RecordedSets) -> float:
    model: Any = load_policy(folder, "cpu").model
    with torch.no_grad():
        return float(model(**recorded.batch(99, 32, "cpu")).loss)


def test_where_no_reward_teaches_anything_the_recorded_sets_still_do(
    online: Online, start: Path, tmp_path: Path, recorded: RecordedSets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollouts.Reward, "__call__", nothing)
    config = online(tmp_path / "cloned", "grpo", {"kl": 0.0} | CLONED, max_steps=10, learning_rate=3e-3)
    cloned = run_recipe(config)
    assert cloning_loss(cloned, recorded) < 0.9 * cloning_loss(start, recorded)
    record = read_train_record(cloned)
    alone = read_train_record(run_recipe(online(tmp_path / "alone", "grpo", {"kl": 0.0}, max_steps=10)))
    assert record.trained_tokens > alone.trained_tokens


def nothing(self: Any, samples: Any) -> list[Any]:
    return [Earned({"solver": 0.0}, True, (str(number),)) for number, _ in enumerate(samples)]


def test_sets_that_are_not_labelled_yet_are_one_line(
    online: Online, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = recorded_module.load_training_data

    def unlabelled(config: RecipeConfig) -> TrainingData:
        data = load(config)
        return dataclasses.replace(data, train=data.train | {"final_reward": [None] * data.count})

    monkeypatch.setattr(recorded_module, "load_training_data", unlabelled)
    with pytest.raises(UserError, match="clone_weight clones recorded sets by what they earned: trajectory 0 lacks"):
        run_recipe(online(tmp_path / "out", "grpo", CLONED))
    assert not (tmp_path / "out" / "model.safetensors").exists()
