"""Cloning of completions: sub-questions (bc, filtered_bc) and a solver's answers (solver_*), on TRL's SFTTrainer.

Reads prompt and completion columns; writes checkpoints a killed run can go on from; gives the trained model and what
it measured. Rows are tokenised and checked here, so TRL's own preparation (which drops or truncates rows silently) is
switched off.

Source: arXiv 2402.01812, section 4 (AdamW 1e-4 constant, effective batch 32); arXiv 2402.15000, section 3.
Differences: 1. an equal budget of updates per method is the recipe's `max_steps`; 2. batches of like length instead of
padding every row to the longest; 3. each loss is the mean over the trained tokens of the whole effective batch, so the
micro-batch size changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

from recipes.config.recipe import RecipeConfig
from recipes.data import tokenize
from recipes.data.load import TrainingData
from recipes.data.sampler import LikeLengths
from recipes.data.tokenize import TokenRow, check_collated_batch
from recipes.models.attention import joins_rows
from recipes.models.completion_loss import add_completion_head
from recipes.models.trainable import adapters_in_float32, load_trainable
from recipes.training.arguments import extra_arguments, shared_arguments
from recipes.training.callbacks import ProgressBar, Tally
from recipes.training.checkpoints import newest_checkpoint
from recipes.training.fit import Trained
from recipes.training.processes import is_main_process, weights_are_sharded
from recipes.training.record import Measured
from recipes.training.selection import Choice, build_choice


class CompletionTrainer(SFTTrainer):
    """SFTTrainer with a lean loss that counts what it trains on and leaves the model card to `model_cards`."""

    def __init__(self, model: Any, **kwargs: Any) -> None:
        super().__init__(model=model, **kwargs)
        add_completion_head(model)

    @property
    def tally(self) -> Tally:
        # Looked up each time: a resumed run replaces the callback by one with the counts of the sessions before.
        return next(callback for callback in self.callback_handler.callbacks if isinstance(callback, Tally))

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        self.tally.count(inputs)
        return super().training_step(model, inputs, *args, **kwargs)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean over the trained tokens of the whole effective batch; TRL's also gathers metrics, a sync per step."""
        outputs = model(**inputs, fused_lm_head=True)
        tokens = outputs.label_mask.sum() if num_items_in_batch is None else num_items_in_batch
        loss = -outputs.log_probs.sum() / tokens
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # its mean over the processes is the sum again
        return (loss, outputs) if return_outputs else loss

    def token_loss(self) -> float | None:
        """Validation loss per trained token, whatever the batches; None without validation rows."""
        if self.eval_dataset is None:
            return None
        model: Any = self.model.eval()  # type: ignore[union-attr]
        sums = torch.zeros(2, dtype=torch.float64, device=self.accelerator.device)
        for batch in self.get_eval_dataloader():
            with torch.no_grad(), self.compute_loss_context_manager():
                outputs = model(**self._prepare_inputs(batch), fused_lm_head=True)
            sums += torch.stack([-outputs.log_probs.sum(), outputs.label_mask.sum()]).to(sums)
        total, tokens = self.accelerator.reduce(sums).tolist()
        return total / tokens

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return LikeLengths.of(self.train_dataset, self.args)  # the argument has lost its column of lengths

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: TRL's card names no model when it was given an object."""


def train(config: RecipeConfig, data: TrainingData) -> Trained:
    """Trains a recipe whose method clones completions; see `recipes.config.methods`.

    Raises:
        UserError: no backbone, or rows that the loss would not see rightly.
    """
    model, tokenizer = load_trainable(config, lambda: data.train["prompt"] + data.train["completion"])
    rows = tokenize.build_token_rows(data.train, tokenizer, config.text_format)
    tokenize.check_training_rows(rows, tokenizer, config.max_length, config.text_format)
    if is_main_process():
        print(tokenize.save_first_example(rows[0], tokenizer, config.output))
    held_out = tokenize.build_token_rows(data.validation, tokenizer, config.text_format) if data.validation else []
    checkpoint = newest_checkpoint(config.output)
    if checkpoint and is_main_process():
        print(f"going on from {checkpoint}")
    fitting = [row for row in held_out if row["length"] <= config.max_length]
    choice = build_choice(config, tokenizer)
    measured = train_sft(config, model, tokenizer, rows, fitting, checkpoint=checkpoint, choice=choice)
    chosen = choice.chosen(measured.updates) if choice else None
    return Trained(model, tokenizer, measured, chosen, saved=weights_are_sharded())


def trainer_config(config: RecipeConfig) -> SFTConfig:
    """The SFTConfig of a recipe.

    Raises:
        UserError: `trainer_options` names something SFTConfig does not have.
    """
    ours: dict[str, Any] = {
        "activation_checkpointing": config.gradient_checkpointing,
        "padding_free": joins_rows(config),
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
    }
    return SFTConfig(**(shared_arguments(config) | ours | extra_arguments(config, SFTConfig)))


def train_sft(
    config: RecipeConfig,
    model: Any,
    tokenizer: Any,
    rows: Sequence[TokenRow],
    validation_rows: Sequence[TokenRow],
    *,
    checkpoint: Path | None = None,
    choice: Choice | None = None,
) -> Measured:
    """Trains `model` in place for `max_steps` updates.

    Args:
        config: the recipe.
        model: a causal LM, or a PEFT model of which only the adapter moves.
        tokenizer: of the model.
        rows: checked training rows (`tokenize.check_training_rows`).
        validation_rows: rows to score at the end; may be empty.
        checkpoint: the checkpoint folder to go on from.
        choice: scores every checkpoint, to publish the best.
    """
    from datasets import Dataset

    trainer = CompletionTrainer(
        model=model,
        args=trainer_config(config),
        train_dataset=Dataset.from_list(list(rows)),
        eval_dataset=Dataset.from_list(list(validation_rows)) if validation_rows else None,
        processing_class=tokenizer,
        callbacks=[Tally(), ProgressBar(f"train {config.name}"), *([choice] if choice else [])],
    )
    trainer.remove_callback(PrinterCallback)
    adapters_in_float32(model, config)
    check_collated_batch(rows[: config.micro_batch], trainer.data_collator)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if weights_are_sharded():
        trainer.save_model(str(config.output))
    tally = trainer.tally
    return Measured(
        trained_tokens=int(tally.trained_tokens),
        read_tokens=int(tally.read_tokens),
        seconds=round(tally.seconds, 3),
        loss_curve=[[entry["step"], entry["loss"]] for entry in trainer.state.log_history if "loss" in entry],
        validation_loss=trainer.token_loss(),
        details={"choice": choice.facts()} if choice else {},
        updates=trainer.state.global_step,
        energy_joules=tally.energy_joules,
    )
