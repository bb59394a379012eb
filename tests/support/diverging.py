"""A run whose gradients are no number at one update, and what must be left of it."""

from __future__ import annotations

from typing import Any

import pytest
from accelerate import Accelerator

from dataset_builder.core.errors import UserError
from recipes.config.recipe import RecipeConfig
from recipes.models.checkpoint import RECORD_FILE
from recipes.train import run_recipe

GOOD = 1
"""Updates before it."""


def check_stopped_by_gradients(config: RecipeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a recipe that saves and logs each update; its second has a gradient without a number."""
    clip, updates = Accelerator.clip_grad_norm_, iter(range(100))

    def spoilt(self: Accelerator, parameters: Any, *args: Any, **kwargs: Any) -> Any:
        parameters = list(parameters)
        if next(updates) == GOOD:
            next(weight.grad for weight in parameters if weight.grad is not None).fill_(float("nan"))
        return clip(self, parameters, *args, **kwargs)

    monkeypatch.setattr(Accelerator, "clip_grad_norm_", spoilt)
    with pytest.raises(UserError) as stopped:
        run_recipe(config)
    line = str(stopped.value)
    assert line.startswith("update 2: the run has diverged, the norm of its gradients is no number any more; the last")
    assert f"checkpoint-{GOOD};" in line
    assert "\n" not in line
    assert [path.name for path in (config.output / "checkpoints").glob("checkpoint-*")] == [f"checkpoint-{GOOD}"]
    assert not list(config.output.glob("*.safetensors"))
    assert not (config.output / RECORD_FILE).exists()
