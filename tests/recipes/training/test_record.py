"""What a training run says of itself: said on every system, and nothing of what was not measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from recipes.config.recipe import RecipeConfig
from recipes.data.load import load_training_data
from recipes.modeling import load_policy
from recipes.models.checkpoint import RECORD_FILE
from recipes.training.checkpoints import CHECKPOINTS
from recipes.training.record import Measured, _host_peak_bytes
from recipes.training.run_folder import finish_output

NOT_MEASURED = ("tokens_per_second", "train_loss", "validation_loss", "energy_joules", "chosen_update")


def test_peak_memory_is_known_without_the_resource_module(monkeypatch: pytest.MonkeyPatch) -> None:
    assert psutil.Process().pid
    known = _host_peak_bytes()
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows: importing it fails
    assert 0.2 * known < _host_peak_bytes() < 5 * known


def test_what_was_not_measured_is_none_and_never_zero(
    recipe: Callable[..., RecipeConfig], bc_checkpoint: Path, tmp_path: Path
) -> None:
    config = recipe(tmp_path / "out")
    (config.output / CHECKPOINTS).mkdir(parents=True)
    nothing = Measured(
        trained_tokens=8, read_tokens=9, seconds=0.0, loss_curve=[], validation_loss=None, details={}, updates=4,
        chosen_update=None, energy_joules=None, micro_batch_size=8, micro_batch_tokens=9, probe={},
    )  # fmt: skip
    finish_output(config, load_training_data(config), load_policy(bc_checkpoint).model, nothing, {})
    record = json.loads((config.output / RECORD_FILE).read_text(encoding="utf-8"))
    assert [record[name] for name in NOT_MEASURED] == [None] * len(NOT_MEASURED)


def test_a_run_on_a_cpu_without_validation_rows_measures_neither_energy_nor_their_loss(
    bc_checkpoint: Path, recipe: Callable[..., RecipeConfig], tmp_path: Path
) -> None:
    from recipes.train import run_recipe

    config = recipe(tmp_path / "out", validation_examples=0, max_steps=2, logging_steps=10)
    run_recipe(config)
    record = json.loads((config.output / RECORD_FILE).read_text(encoding="utf-8"))
    assert (record["validation_loss"], record["energy_joules"]) == (None, None)
    assert record["probe"] == {"halvings": 0}
    assert record["loss_curve"][-1][0] == 2  # the last update is logged, whatever logging_steps
    assert record["train_loss"] > 0
    assert record["tokens_per_second"] > 0
