"""Learning from preferences on TRL's trainers: dpo from pairs, kto from single sets marked right or wrong.

Reads the columns prompt, chosen, rejected (`preference` config) or prompt, completion, label (`unpaired_preference`);
starts from the BC checkpoint, which is also the reference the policy is held to. Rows are tokenised and checked here
as for cloning, so that all methods see the same tokens; TRL's own preparation is switched off.

Source: Rafailov et al., arXiv 2305.18290 (DPO); Ethayarajh et al., arXiv 2402.01306 (KTO).
Differences: 1. the budget is the recipe's `max_steps` at its effective batch size, pairs counting as one example;
2. KTO's desirable and undesirable losses are weighted so that both kinds count alike (its equation 8), unless the
recipe's `trainer_options` say otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PrinterCallback
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

from dataset_builder.core.errors import UserError
from recipes.config.recipe import RecipeConfig
from recipes.data import tokenize
from recipes.data.load import TrainingData
from recipes.data.tokenize import NO_LOSS, TokenRow
from recipes.modeling import load_backbone
from recipes.models.trainable import adapters_in_float32, load_trainable
from recipes.training.arguments import extra_arguments, shared_arguments
from recipes.training.callbacks import ProgressBar, Tally
from recipes.training.checkpoints import newest_checkpoint
from recipes.training.fit import Trained
from recipes.training.record import Measured

REFERENCE_ADAPTER = "ref"


class _Counting:
    """Counts what a TRL preference trainer trains on; takes rows that are tokenised; writes no card."""

    callback_handler: Any

    @property
    def tally(self) -> Tally:
        """Looked up each time: a resumed run replaces the callback by one with the earlier sessions' counts."""
        return next(callback for callback in self.callback_handler.callbacks if isinstance(callback, Tally))

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        counted = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, NO_LOSS)
        self.tally.count({"labels": counted, "attention_mask": inputs["attention_mask"]})
        return super().training_step(model, inputs, *args, **kwargs)  # type: ignore[misc]

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        return dataset

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: `model_cards` writes ours."""


class PairTrainer(_Counting, DPOTrainer):
    """DPOTrainer on rows of `pair_rows`."""


class LabelTrainer(_Counting, KTOTrainer):
    """KTOTrainer on rows of `labelled_rows`."""


def train(config: RecipeConfig, data: TrainingData) -> Trained:
    """Trains a dpo or kto recipe.

    Raises:
        UserError: no checkpoint to start from, rows the loss would not see rightly, or labels of one kind only.
    """
    model, tokenizer = load_trainable(config, list)
    build = pair_rows if config.method == "dpo" else labelled_rows
    rows = build(data.train, tokenizer, config)
    reference = None
    if config.adapter == "full":
        reference = load_backbone(config.init_from, dtype=model.dtype, device=str(model.device))
    return Trained(model, tokenizer, train_preference(config, model, reference, tokenizer, rows))


def pair_rows(columns: Mapping[str, Sequence[Any]], tokenizer: Any, config: RecipeConfig) -> list[dict[str, Any]]:
    """{"prompt_ids", "chosen_ids", "rejected_ids"} of each pair, each completion with its end of text."""
    chosen, rejected = (_token_rows(columns, side, tokenizer, config) for side in ("chosen", "rejected"))
    print(tokenize.save_first_example(chosen[0], tokenizer, config.output))
    return [
        {"prompt_ids": _prompt(good), "chosen_ids": _completion(good), "rejected_ids": _completion(bad)}
        for good, bad in zip(chosen, rejected, strict=True)
    ]


def labelled_rows(columns: Mapping[str, Sequence[Any]], tokenizer: Any, config: RecipeConfig) -> list[dict[str, Any]]:
    """{"prompt_ids", "completion_ids", "label", "KL_completion_ids"} in a shuffled order.

    KTO estimates how far the policy has moved from completions of *other* prompts of the same micro-batch, so the
    order is fixed here and read as it is.

    Raises:
        UserError: all labels are the same.
    """
    if len(set(columns["label"])) < 2:
        raise UserError("kto needs right and wrong sets, and all labels here are the same; check the dataset")
    rows = _token_rows(columns, "completion", tokenizer, config)
    print(tokenize.save_first_example(rows[0], tokenizer, config.output))
    order = random.Random(config.seed).sample(range(len(rows)), len(rows))
    made = [
        {"prompt_ids": _prompt(rows[k]), "completion_ids": _completion(rows[k]), "label": bool(columns["label"][k])}
        for k in order
    ]
    for start in range(0, len(made), config.micro_batch):
        batch = made[start : start + config.micro_batch]
        for row, other in zip(batch, [batch[-1], *batch[:-1]], strict=True):
            row["KL_completion_ids"] = other["completion_ids"]
    return made


def balanced_weights(labels: Sequence[bool]) -> dict[str, float]:
    """KTO's weights under which right and wrong sets count alike: the rarer kind weighs more, the other 1.

    >>> balanced_weights([True, True, True, False])
    {'desirable_weight': 1.0, 'undesirable_weight': 3.0}
    """
    right = sum(labels)
    wrong = len(labels) - right
    return {"desirable_weight": max(1.0, wrong / right), "undesirable_weight": max(1.0, right / wrong)}


def train_preference(
    config: RecipeConfig, model: Any, reference: Any, tokenizer: Any, rows: Sequence[dict[str, Any]]
) -> Measured:
    """Trains `model` in place for `max_steps` updates; `reference`: a model of its own, None under an adapter."""
    from datasets import Dataset

    trainer_class: Any = PairTrainer if config.method == "dpo" else LabelTrainer
    trainer = trainer_class(
        model=model,
        ref_model=reference,
        args=trainer_config(config, rows),
        train_dataset=Dataset.from_list(list(rows)),
        processing_class=tokenizer,
        callbacks=[Tally(), ProgressBar(f"train {config.name}")],
    )
    trainer.remove_callback(PrinterCallback)
    adapters_in_float32(model, config)
    checkpoint = newest_checkpoint(config.output)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if REFERENCE_ADAPTER in getattr(model, "peft_config", {}):
        model.delete_adapter(REFERENCE_ADAPTER)
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    tally = trainer.tally
    return Measured(
        trained_tokens=int(tally.trained_tokens),
        read_tokens=int(tally.read_tokens),
        seconds=round(tally.seconds, 3),
        loss_curve=[[entry["step"], entry["loss"]] for entry in history],
        validation_loss=None,
        details={"rewards": {name: history[-1][name] for name in history[-1] if name.startswith("rewards/")}},
    )


def trainer_config(config: RecipeConfig, rows: Sequence[Mapping[str, Any]]) -> Any:
    """The DPOConfig or KTOConfig of a recipe.

    Raises:
        UserError: `trainer_options` names something that class does not have.
    """
    ours: dict[str, Any] = {
        "activation_checkpointing": config.gradient_checkpointing,
        "max_length": None,
    }
    if config.method == "dpo":
        return DPOConfig(**(shared_arguments(config) | ours | extra_arguments(config, DPOConfig)))
    ours |= {"train_sampling_strategy": "sequential", **balanced_weights([row["label"] for row in rows])}
    return KTOConfig(**(shared_arguments(config) | ours | extra_arguments(config, KTOConfig)))


def _token_rows(
    columns: Mapping[str, Sequence[Any]], side: str, tokenizer: Any, config: RecipeConfig
) -> list[TokenRow]:
    texts = {"prompt": columns["prompt"], "completion": columns[side]}
    rows = tokenize.build_token_rows(texts, tokenizer, config.text_format)
    tokenize.check_training_rows(rows, tokenizer, config.max_length, config.text_format)
    return rows


def _prompt(row: TokenRow) -> list[int]:
    return [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label == NO_LOSS]


def _completion(row: TokenRow) -> list[int]:
    return [label for label in row["labels"] if label != NO_LOSS]
