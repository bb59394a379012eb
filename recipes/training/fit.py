"""The one scaffold of every method: data and a method -> weights on disk, and what the run measured of itself.

    examples = prepare_examples(method, tokenizer)              # every row checked, and its tokens known to the plan
    model, measured = fit(method, tokenizer, examples, plan.budget)

Loads the model, resumes from the newest whole checkpoint, keeps the best one where the recipe chooses by validation,
trains, saves the weights into the output folder, and only then looks at figures: whatever fails there, the weights are
safe.

Source: transformers' Trainer, which each method's trainer is.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from accelerate import PartialState
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback

from dataset_builder.core.errors import UserError
from dataset_builder.door.commands import as_typed
from recipes.config.recipe import RecipeConfig
from recipes.data.checks import check_collated_batch, check_token_ids, check_training_rows, save_first_example
from recipes.data.packing import TokenBudget
from recipes.models.checkpoint import RECIPE_FILE
from recipes.models.compile_layers import compile_layers
from recipes.models.sharding import weights_are_sharded
from recipes.models.trainable import embedded_tokens, load_trainable, set_adapter_type
from recipes.models.types import CausalLM, Tokenizer
from recipes.training.callbacks import Keeping, Tally, TrainingProgress
from recipes.training.checkpoints import CHECKPOINTS, newest_checkpoint, save_model
from recipes.training.method import Example, TrainingMethod
from recipes.training.packed import PackedTrainer
from recipes.training.probe import meter_here
from recipes.training.record import Measured
from recipes.training.selection import BestCheckpoint, load_validation_prompts


class Examples(NamedTuple):
    """What a run reads."""

    train: list[Example]
    """Checked."""
    held_out: list[Example]
    """Of the validation split, those that fit; may be empty."""


def prepare_examples(method: TrainingMethod, tokenizer: Tokenizer, *, show: bool = False) -> Examples:
    """Tokenises what a run reads, and checks every training row.

    Args:
        method: says what rows it makes of the data.
        tokenizer: of the model.
        show: print the first row, and save it in the output folder.

    Raises:
        UserError: rows that the loss would not see rightly.
    """
    config, data = method.config, method.data
    texts = method.texts(data.train, tokenizer)
    rows = [row for example in texts for row in example]
    check_training_rows(rows, tokenizer, config.max_length, config.text_format)
    if show and PartialState().is_main_process:
        print(save_first_example(rows[0], tokenizer, config.output))
    validation = method.texts(data.validation, tokenizer) if data.validation else []
    fitting = [example for example in validation if all(row["length"] <= config.max_length for row in example)]
    return Examples(method.draw(method.examples(texts)), method.examples(fitting))


def fit(
    method: TrainingMethod,
    tokenizer: Tokenizer,
    examples: Examples,
    budget: TokenBudget,
    room: int = 0,
    callbacks: Sequence[TrainerCallback] = (),
) -> tuple[CausalLM, Measured]:
    """Trains and saves what the recipe asks for; gives the model and what the run measured of itself.

    Args:
        method: with the recipe as it was planned.
        tokenizer: of the model.
        examples: of `prepare_examples`.
        budget: of a micro-batch, as planned.
        room: bytes that may be held on the GPU that is planned for.
        callbacks: called beside the run's own.

    Raises:
        UserError: no backbone, or no validation problem to choose by.
    """
    config = method.config
    prompts = load_validation_prompts(config) if config.choose_by != "last" else None
    model = load_trainable(config, tokenizer)
    check_token_ids([*examples.train, *examples.held_out], tokenizer, embedded_tokens(model))
    trainer = build_trainer(method, model, tokenizer, examples.train, examples.held_out, budget=budget)
    if not config.micro_batch_tokens and not weights_are_sharded():
        trainer.meter = meter_here(room)
    best = BestCheckpoint(config, tokenizer, prompts, method.published(trainer.model)) if prompts else None
    for callback in (*([best] if best else []), *callbacks):
        trainer.add_callback(callback)
    train(trainer, config, newest_checkpoint(config.output, best.end if best else config.max_steps))
    chosen = best.chosen(trainer.state.global_step) if best else None
    published = best.published if best else method.published(trainer.model)
    save_weights(trainer, published, tokenizer, config, chosen)
    measured = measure(method, trainer, best)
    method.finish(published)
    return published, measured


def train(trainer: PackedTrainer, config: RecipeConfig, checkpoint: Path | None) -> None:
    """Trains, from a checkpoint on where there is one.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM, after a checkpoint was saved.
        UserError: the run has diverged, or memory runs out where no smaller micro-batch helps.
    """
    main = PartialState().is_main_process
    if checkpoint and main:
        print(f"resuming from {checkpoint}: update {checkpoint.name.rpartition('-')[2]} of {config.max_steps}")
    keeping = Keeping(config.save_minutes)
    trainer.add_callback(keeping)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError as error:  # in the optimiser's step, or while a checkpoint decodes
        tokens = trainer.fullest.tokens // 2
        raise UserError(
            f"out of memory beside the micro-batches ({str(error).splitlines()[0]}); start the same command again "
            f"with --micro_batch_tokens {tokens}: it goes on from its newest checkpoint"
        ) from error
    finally:
        keeping.release()
    if keeping.interrupted:
        if main:
            saved = config.output / CHECKPOINTS / f"checkpoint-{trainer.state.global_step}"
            print(f"update {trainer.state.global_step} of {config.max_steps} is saved in {saved}")
            resume = f"python -m recipes.train --config {shlex.quote(str(config.output / RECIPE_FILE))}"
            print(as_typed(f"to resume: {resume}"))
        raise KeyboardInterrupt


def build_trainer(
    method: TrainingMethod,
    model: CausalLM,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    held_out: Sequence[Example] = (),
    *,
    budget: TokenBudget | None = None,
) -> PackedTrainer:
    """The method's trainer, ready to train `model` in place.

    Args:
        method: whose.
        model: all of its weights move, or an adapter's.
        tokenizer: of the model.
        examples: checked, to train on.
        held_out: to score at the end; may be empty.
        budget: of a micro-batch; None: the recipe's own limits.

    Raises:
        UserError: a batch of examples would not carry loss where its rows do.
    """
    config = method.config
    train, validation = _dataset(method, examples), _dataset(method, held_out) if held_out else None
    trainer = method.trainer(model, tokenizer, train, validation, [Tally(), TrainingProgress(f"train {config.name}")])
    own = TokenBudget(config.micro_batch_tokens, config.micro_batch_size)
    trainer.budget = replace(budget or own, joined=method.joins_rows)
    trainer.remove_callback(PrinterCallback)
    set_adapter_type(model, config)
    if config.compile:
        compile_layers(model)
    first = examples[: config.effective_batch_size]
    batch = trainer.data_collator([{key: row[key] for key in method.columns} for row in first])
    check_collated_batch(method.trained_tokens(first), trainer.loss_labels(batch))
    return trainer


def save_weights(
    trainer: PackedTrainer, published: CausalLM, tokenizer: Tokenizer, config: RecipeConfig, chosen: Path | None
) -> None:
    """The published weights into the output folder; where earlier ones were chosen, the last ones into `last/`.

    Args:
        trainer: saves sharded weights, all processes together.
        published: what is saved.
        tokenizer: goes beside it.
        config: names the folder.
        chosen: a folder with earlier weights that are published instead of the last.
    """
    trainer.require_finite()
    folder = config.output
    newest = folder / "last" if chosen else folder
    if weights_are_sharded():
        trainer.save_model(str(folder))
    PartialState().wait_for_everyone()  # nobody may still be writing a checkpoint
    if not PartialState().is_main_process:
        return
    if not weights_are_sharded():
        save_model(published, newest)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's unfilled card; `model_cards` writes ours
    tokenizer.save_pretrained(folder)
    for path in chosen.iterdir() if chosen else ():
        os.replace(path, folder / path.name)


def measure(method: TrainingMethod, trainer: PackedTrainer, best: BestCheckpoint | None) -> Measured:
    """The figures of a run that has ended."""
    tally, updates = trainer.tally, trainer.state.global_step
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    return Measured(
        trained_tokens=int(tally.trained_tokens),
        read_tokens=int(tally.read_tokens),
        seconds=round(tally.seconds, 3),
        loss_curve=[[entry["step"], entry["loss"]] for entry in history],
        validation_loss=trainer.validation_loss(),
        details=method.details(history) | ({"choice": best.facts()} if best else {}),
        updates=updates,
        chosen_update=best.best["step"] if best and best.best and best.best["step"] != updates else None,
        energy_joules=tally.energy_joules,
        micro_batch_size=trainer.fullest.rows,
        micro_batch_tokens=trainer.fullest.tokens,
        probe={
            "halvings": trainer.halvings,
            **(trainer.probed.facts() if trainer.probed else {}),
        },
    )


def _dataset(method: TrainingMethod, examples: Sequence[Example]) -> Dataset:
    names = (*method.columns, "length")
    return Dataset.from_list([{name: example[name] for name in names} for example in examples])
