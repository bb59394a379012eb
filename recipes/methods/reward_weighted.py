"""Cloning by reward: a set counts the more, the more reward it earned.

Reads the `trajectories` config. A set's return is its final reward plus the mean usefulness of its steps, in [0, 2].
At a high temperature both methods are bc, at a low one filtered_bc with the step feedback as a tie-break:

    reward_weighted_bc   every set, its loss times exp(return / temperature), scaled so that weights are 1 on average
    resampled_bc         as many sets, drawn in proportion to the same, all alike in the loss

Both follow the same gradient on average. Weights of very different size spend most of an update on rows that hardly
count; a draw leaves those rows out.

Source: Peters and Schaal 2007 (reward-weighted regression); Peng et al., arXiv 1910.00177 (AWR), without a baseline:
sets of one problem are compared through the weights alone. Yue et al., arXiv 2210.09241 (resampling by return).
Differences: 1. weights are capped (`max_weight`), so that no set outweighs a batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from dataset_builder.text.student_format import format_student_completion
from recipes.config.recipe import RecipeConfig
from recipes.config.settings import RewardWeightingSettings
from recipes.data.load import Columns, TrainingData
from recipes.data.returns import check_trajectories, resample_rows, set_returns
from recipes.methods.sft import Cloning, CompletionTrainer
from recipes.models.types import Batch, CausalLM, Collator
from recipes.training.method import Example, Texts


class WeightedTrainer(CompletionTrainer):
    """CompletionTrainer whose batches carry the weight of each row."""

    def __init__(self, model: CausalLM, **kwargs: Any) -> None:
        super().__init__(model, **kwargs)
        self.data_collator = with_weights(self.data_collator)


class RewardWeighted(Cloning):
    """reward_weighted_bc and resampled_bc."""

    trainer_class = WeightedTrainer
    columns = ("input_ids", "labels", "weight")

    def __init__(self, config: RecipeConfig, data: TrainingData) -> None:
        super().__init__(config, data)
        self.settings = config.reward_weighting or RewardWeightingSettings()
        check_trajectories(data.train)

    def own_arguments(self) -> dict[str, Any]:
        return super().own_arguments() | {"padding_free": False, "remove_unused_columns": False}

    def completions(self, columns: Columns) -> list[str]:
        return [format_student_completion(steps) for steps in columns["steps"]]

    def examples(self, texts: Sequence[Texts]) -> list[Example]:
        return [row | {"weight": 1.0} for (row,) in texts]

    def draw(self, examples: list[Example]) -> list[Example]:
        """The rows drawn by reward, all alike (resampled_bc), or every row with its weight."""
        settings, returns = self.settings, set_returns(self.data.train)
        if self.config.method == "resampled_bc":
            drawn = resample_rows(examples, returns, settings.temperature, self.config.seed)
        else:
            weights = reward_weights(returns, settings.temperature, settings.max_weight)
            drawn = [row | {"weight": weight} for row, weight in zip(examples, weights, strict=True)]
        self.drawn = {
            "largest_weight": max(row["weight"] for row in drawn),
            "different_rows": len({tuple(row["input_ids"]) for row in drawn}),
        }
        return drawn

    def details(self, history: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return self.drawn


def reward_weights(values: Sequence[float], temperature: float, largest: float) -> list[float]:
    """exp(return / temperature), scaled to a mean of 1, then capped.

    >>> reward_weights([0.0, math.log(3)], 1.0, 20.0)
    [0.5, 1.5]
    """
    best = max(values)
    raw = [math.exp((value - best) / temperature) for value in values]
    mean = sum(raw) / len(raw)
    return [min(largest, round(weight / mean, 12)) for weight in raw]


def with_weights(collate: Collator) -> Collator:
    """A collator that carries each row's weight beside what `collate` makes of its tokens."""

    def collated(rows: Sequence[Mapping[str, Any]]) -> Batch:
        batch = collate([{key: row[key] for key in ("input_ids", "labels")} for row in rows])
        return batch | {"weight": torch.tensor([row["weight"] for row in rows], dtype=torch.float32)}

    return collated
