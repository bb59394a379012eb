"""The trainer of `recipes.methods.sft`, as a recipe runs it, on a model and rows that are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recipes.config.recipe import RecipeConfig


def cloning_seconds(config: RecipeConfig, model: Any, tokenizer: Any, rows: Sequence[dict[str, Any]]) -> float:
    """Seconds of a recipe's updates; trains `model` in place."""
    from recipes.data.load import TrainingData
    from recipes.methods.sft import Cloning
    from recipes.training.fit import build_trainer

    trainer = build_trainer(Cloning(config, TrainingData({}, {}, 0, {})), model, tokenizer, rows)
    trainer.train()
    return trainer.tally.seconds
