"""Recorded sets that are cloned beside a policy's own samples, so that it keeps what it could.

Rewards, of the least sure problems above all, pull a policy towards what it cannot do yet; what it can do is in no
batch, and goes. Beside each micro-batch of own samples stand as many recorded sets of the dataset, drawn by their
return as `resampled_bc` draws them, whose cloning loss is added with a weight.

Source: Ouyang et al., arXiv 2203.02155, section 3.5 (PPO-ptx).
Differences: 1. recorded sets of the task, where theirs are pretraining texts.
"""

from __future__ import annotations

import dataclasses
import random

import torch
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from dataset_builder.core.errors import UserError
from dataset_builder.text.student_format import format_student_completion
from recipes.config.recipe import RecipeConfig
from recipes.data.checks import check_training_rows
from recipes.data.load import Columns, load_training_data
from recipes.data.returns import check_trajectories, resample_rows, set_returns
from recipes.data.tokenize import TokenRow, build_token_rows
from recipes.models.types import Batch, Tokenizer

TEMPERATURE = 0.1
"""Of the draw, in units of reward: what the offline study clones with."""


def load_recorded(config: RecipeConfig) -> Columns:
    """The dataset's sets with what they earned.

    Raises:
        UserError: it has none, or they are not answered and labelled.
    """
    cloning = dataclasses.replace(
        config, method="resampled_bc", grpo=None, expert_iteration=None, validation_examples=0, max_examples=0
    )
    try:
        columns = load_training_data(cloning).train
        check_trajectories(columns)
    except UserError as error:
        raise UserError(f"clone_weight clones recorded sets by what they earned: {error}") from error
    return columns


class RecordedSets:
    """Batches of recorded sets; which ones follows from the run's seed and the step alone."""

    def __init__(self, columns: Columns, config: RecipeConfig, tokenizer: Tokenizer) -> None:
        completions = [format_student_completion(steps) for steps in columns["steps"]]
        texts = {"prompt": columns["prompt"], "completion": completions}
        rows = build_token_rows(texts, tokenizer, config.text_format)
        check_training_rows(rows, tokenizer, config.max_length, config.text_format)
        self.rows: list[TokenRow] = resample_rows(rows, set_returns(columns), TEMPERATURE, config.seed)
        self.collate = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id)
        self.seed = config.seed

    def batch(self, step: int, count: int, device: torch.device | str) -> Batch:
        """`count` rows for a step: input_ids, attention_mask, labels, each (count, longest), padded on the right."""
        drawn = random.Random(self.seed * 1_000_003 + step).sample(self.rows, min(count, len(self.rows)))
        batch: Batch = self.collate([{key: row[key] for key in ("input_ids", "labels")} for row in drawn])
        return {name: value.to(device) for name, value in batch.items()}
