"""Micro-batches under a token budget: an update learns the same whatever its cuts, and where memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from dataset_builder.core.errors import UserError
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig
from recipes.config.settings import IlqlSettings
from recipes.train import run_recipe
from recipes.training.packed import PackedTrainer
from recipes.training.record import TrainRecord, read_train_record

Recipe = Callable[..., RecipeConfig]
WAYS = [
    ("bc", "full"),
    ("filtered_bc", "lora"),
    ("reward_weighted_bc", "full"),
    ("dpo", "full"),
    ("dpo", "lora"),
    ("kto", "full"),
    ("kto", "lora"),
    ("ilql_full", "full"),
    ("ilql_shaped", "lora"),
]


def trained(make: Recipe, start: Path, output: Path, method: str, adapter: str, **changes: Any) -> TrainRecord:
    settings = IlqlSettings(policy_weight=1.0) if METHODS[method].trains_values else None
    values = {"init_from": str(start), "ilql": settings, "learning_rate": 1e-2, "max_steps": 3} | changes
    return read_train_record(run_recipe(make(output, method=method, adapter=adapter, **values)))


def curve(record: TrainRecord) -> list[float]:
    return [loss for _, loss in record.loss_curve]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    files = sorted(folder.rglob("*.safetensors"))
    return {f"{path.name}/{name}": weight for path in files for name, weight in load_file(path).items()}


@pytest.mark.parametrize(("method", "adapter"), WAYS)
def test_an_update_learns_the_same_whatever_its_micro_batches_hold(
    method: str, adapter: str, reward_recipe: Recipe, cloned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[list[int]] = []
    pack = PackedTrainer.pack

    def watched(self: PackedTrainer, rows: Any) -> Any:
        batches = pack(self, rows)
        sizes.append([len(batch["input_ids"]) for batch in batches])
        return batches

    monkeypatch.setattr(PackedTrainer, "pack", watched)
    whole = trained(reward_recipe, cloned, tmp_path / "whole", method, adapter)
    assert all(len(update) == 1 for update in sizes)
    sizes.clear()
    parts = trained(reward_recipe, cloned, tmp_path / "parts", method, adapter, micro_batch_tokens=300)
    assert all(len(update) > 1 for update in sizes[:3])
    assert len({size for update in sizes for size in update}) > 1  # rows vary, the loss does not
    assert curve(parts) == pytest.approx(curve(whole), rel=1e-4)
    assert (parts.trained_tokens, parts.read_tokens) == (whole.trained_tokens, whole.read_tokens)
    if METHODS[method].section == "preference":  # what is logged of an update is of its rows, too
        assert parts.details["rewards"] == pytest.approx(whole.details["rewards"], rel=1e-2, abs=1e-5)
    if whole.validation_loss is not None:
        assert parts.validation_loss == pytest.approx(whole.validation_loss, rel=1e-3)
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert one.keys() == other.keys()
    assert all(weight.allclose(other[name], atol=2e-3) for name, weight in one.items())


class OutOfMemory:
    """Stands before a model's forward pass: too many tokens at once are too much for it, as for a small GPU."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.seen: list[int] = []
        step = PackedTrainer.micro_step

        def limited(trainer: PackedTrainer, model: Any, inputs: Any, items: Any) -> torch.Tensor:
            self.seen.append(inputs["input_ids"].numel())
            if self.seen[-1] > room:
                step(trainer, model, inputs, items)  # as where the backward pass had begun
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return step(trainer, model, inputs, items)

        monkeypatch.setattr(PackedTrainer, "micro_step", limited)


@pytest.mark.parametrize(
    ("method", "adapter"), [("bc", "full"), ("dpo", "lora"), ("kto", "full"), ("ilql_full", "full")]
)
def test_memory_that_runs_out_halves_the_budget_and_loses_nothing(
    method: str,
    adapter: str,
    reward_recipe: Recipe,
    cloned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = trained(reward_recipe, cloned, tmp_path / "whole", method, adapter)
    memory = OutOfMemory(monkeypatch, 400)
    parts = trained(reward_recipe, cloned, tmp_path / "parts", method, adapter)
    assert max(memory.seen) > 400
    assert sum(tokens > 400 for tokens in memory.seen) <= 3  # each halving is for good
    assert "update 1: out of memory with " in capsys.readouterr().out
    assert curve(parts) == pytest.approx(curve(whole), rel=1e-4)
    assert (parts.trained_tokens, parts.read_tokens) == (whole.trained_tokens, whole.read_tokens)


def test_memory_that_is_too_little_for_one_row_is_one_line(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OutOfMemory(monkeypatch, 10)
    with pytest.raises(UserError, match=r"out of memory with one row of \d+ tokens; set --gradient_ch"):
        run_recipe(recipe(tmp_path / "out"))
