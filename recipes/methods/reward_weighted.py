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
from dataclasses import dataclass, field
from typing import Any

from transformers import PrinterCallback
from trl import SFTConfig

from dataset_builder.core.errors import UserError
from dataset_builder.text.student_format import format_student_completion
from recipes.config.recipe import RecipeConfig
from recipes.data import tokenize
from recipes.data.load import TrainingData
from recipes.data.tokenize import TokenRow
from recipes.methods.ilql.trajectories import check_trajectories, resample_rows, set_returns
from recipes.methods.sft import CompletionTrainer
from recipes.models.trainable import adapters_in_float32, load_trainable
from recipes.training.arguments import extra_arguments, shared_arguments
from recipes.training.callbacks import ProgressBar, Tally
from recipes.training.checkpoints import newest_checkpoint
from recipes.training.fit import Trained
from recipes.training.record import Measured


@dataclass
class RewardWeightedArguments(SFTConfig):
    """SFTConfig and how a return becomes a weight; a recipe sets these through `trainer_options`."""

    temperature: float = field(default=0.5, metadata={"help": "weight = exp(return / temperature)"})
    max_weight: float = field(
        default=20.0, metadata={"help": "most that a set may weigh, the average being 1; a draw has no such limit"}
    )

    def __post_init__(self) -> None:
        if min(self.temperature, self.max_weight) <= 0:
            raise UserError("trainer_options: temperature and max_weight must be above zero")
        super().__post_init__()


class WeightedTrainer(CompletionTrainer):
    """SFTTrainer whose token losses are multiplied by their row's weight."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        weights = inputs.pop("weight")
        # TRL's fused output layer gives log-probabilities of the labels, 0 where a label carries no loss.
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        tokens = (inputs["labels"] != tokenize.NO_LOSS).sum() if num_items_in_batch is None else num_items_in_batch
        loss = -(outputs.log_probs * weights[:, None]).sum() / tokens
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss


def train(config: RecipeConfig, data: TrainingData) -> Trained:
    """Trains a reward_weighted_bc or resampled_bc recipe.

    Raises:
        UserError: rewards that are missing or do not fit, or rows that the loss would not see rightly.
    """
    check_trajectories(data.train)
    completions = [format_student_completion(steps) for steps in data.train["steps"]]
    model, tokenizer = load_trainable(config, lambda: data.train["prompt"] + completions)
    texts = {"prompt": data.train["prompt"], "completion": completions}
    rows = tokenize.build_token_rows(texts, tokenizer, config.text_format)
    tokenize.check_training_rows(rows, tokenizer, config.max_length, config.text_format)
    print(tokenize.save_first_example(rows[0], tokenizer, config.output))
    arguments = trainer_config(config)
    weighted = weigh_rows(rows, set_returns(data.train), config, arguments)
    return Trained(model, tokenizer, train_weighted(config, arguments, model, tokenizer, weighted))


def weigh_rows(
    rows: Sequence[TokenRow], returns: Sequence[float], config: RecipeConfig, arguments: RewardWeightedArguments
) -> list[TokenRow]:
    """The rows that the method trains on, each with its `weight` in the loss."""
    if config.method == "resampled_bc":
        return [row | {"weight": 1.0} for row in resample_rows(rows, returns, arguments.temperature, config.seed)]
    weights = reward_weights(returns, arguments.temperature, arguments.max_weight)
    return [row | {"weight": weight} for row, weight in zip(rows, weights, strict=True)]


def reward_weights(values: Sequence[float], temperature: float, largest: float) -> list[float]:
    """exp(return / temperature), scaled to a mean of 1, then capped.

    >>> reward_weights([0.0, math.log(3)], 1.0, 20.0)
    [0.5, 1.5]
    """
    best = max(values)
    raw = [math.exp((value - best) / temperature) for value in values]
    mean = sum(raw) / len(raw)
    return [min(largest, round(weight / mean, 12)) for weight in raw]


def trainer_config(config: RecipeConfig) -> RewardWeightedArguments:
    """The arguments of a recipe.

    Raises:
        UserError: `trainer_options` names something they do not have.
    """
    ours: dict[str, Any] = {
        "activation_checkpointing": config.gradient_checkpointing,
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
    }
    extra = extra_arguments(config, RewardWeightedArguments)
    return RewardWeightedArguments(**(shared_arguments(config) | ours | extra))


def train_weighted(
    config: RecipeConfig, arguments: RewardWeightedArguments, model: Any, tokenizer: Any, rows: Sequence[TokenRow]
) -> Measured:
    """Trains `model` in place for `max_steps` updates on rows with a `weight`."""
    from datasets import Dataset

    trainer = WeightedTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(list(rows)),
        processing_class=tokenizer,
        callbacks=[Tally(), ProgressBar(f"train {config.name}")],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.data_collator = _with_weights(trainer.data_collator)
    adapters_in_float32(model, config)
    checkpoint = newest_checkpoint(config.output)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    tally = trainer.tally
    return Measured(
        trained_tokens=int(tally.trained_tokens),
        read_tokens=int(tally.read_tokens),
        seconds=round(tally.seconds, 3),
        loss_curve=[[entry["step"], entry["loss"]] for entry in trainer.state.log_history if "loss" in entry],
        validation_loss=None,
        details={
            "largest_weight": max(row["weight"] for row in rows),
            "different_rows": len({tuple(row["input_ids"]) for row in rows}),
        },
    )


def _with_weights(collate: Any) -> Any:
    """A collator that carries each row's weight beside what `collate` makes of its tokens."""

    def collated(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        import torch

        batch: dict[str, Any] = collate([{key: row[key] for key in ("input_ids", "labels")} for row in rows])
        return batch | {"weight": torch.tensor([row["weight"] for row in rows], dtype=torch.float32)}

    return collated
