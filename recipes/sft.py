"""Behavioural cloning, plain and filtered, on TRL's SFTTrainer with the loss on the completion only.

Reads token rows made by `formatting`; writes checkpoints a killed run can go on from; gives the trained model and what
it measured. Rows arrive tokenised and checked, so TRL's own preparation (which drops or truncates rows silently) is
switched off.

Source: arXiv 2402.01812, section 4 (AdamW 1e-4 constant, effective batch 32).
Differences: 1. an equal budget of updates per method is the recipe's `max_steps`; 2. batches of like length instead of
padding every row to the longest; 3. each loss is the mean over the trained tokens of the whole effective batch, so the
micro-batch size changes nothing.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import PrinterCallback, TrainerCallback
from transformers.trainer_callback import ExportableState
from trl import SFTConfig, SFTTrainer

from recipes.config import RecipeConfig, parse_trainer_options
from recipes.formatting import NO_LOSS, TokenRow, check_collated_batch

if TYPE_CHECKING:
    import torch

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Measured:
    """What a run measured of itself; see the fields of the same names in `record.TrainRecord`."""

    trained_tokens: int
    read_tokens: int
    seconds: float
    loss_curve: list[list[float]]
    validation_loss: float | None


class Tally(TrainerCallback, ExportableState):
    """Counts tokens and seconds; saved with each checkpoint, so that a resumed run reports all of its sessions."""

    def __init__(self, trained_tokens: int = 0, read_tokens: int = 0, seconds: float = 0.0) -> None:
        self.trained_tokens: int | torch.Tensor = trained_tokens
        self.read_tokens: int | torch.Tensor = read_tokens
        self.seconds = seconds
        self._started = 0.0

    def state(self) -> dict[str, Any]:
        self._stop_clock()
        counts = {"trained_tokens": int(self.trained_tokens), "read_tokens": int(self.read_tokens)}
        return {"args": {**counts, "seconds": self.seconds}, "attributes": {}}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._started = time.monotonic()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._stop_clock()

    def count(self, inputs: dict[str, torch.Tensor]) -> None:
        # Sums stay on the device: reading them at each step would make the GPU wait.
        self.trained_tokens = self.trained_tokens + (inputs["labels"] != NO_LOSS).sum()
        self.read_tokens = self.read_tokens + inputs["attention_mask"].sum()

    def _stop_clock(self) -> None:
        now = time.monotonic()
        if self._started:
            self.seconds += now - self._started
        self._started = now


class ProgressBar(TrainerCallback):
    """One bar on stderr with rate, time left and the latest loss, in place of a printed dictionary per log line."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        from tqdm import tqdm

        if state.is_world_process_zero:
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc=self.label, unit="update", mininterval=0.5
            )

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if self.bar is not None and logs and "loss" in logs:
            self.bar.set_postfix(loss=f"{float(logs['loss']):.4f}", refresh=False)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.close()


class CompletionTrainer(SFTTrainer):
    """SFTTrainer that counts what it trains on and leaves the model card to `model_cards`."""

    @property
    def tally(self) -> Tally:
        # Looked up each time: a resumed run replaces the callback by one with the counts of the sessions before.
        return next(callback for callback in self.callback_handler.callbacks if isinstance(callback, Tally))

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        self.tally.count(inputs)
        return super().training_step(model, inputs, *args, **kwargs)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: TRL's card names no model when it was given an object."""


def trainer_config(config: RecipeConfig, world_size: int = 1) -> SFTConfig:
    """The SFTConfig of a recipe.

    Raises:
        UserError: `trainer_options` names something SFTConfig does not have.
    """
    import torch

    known = [field.name for field in dataclasses.fields(SFTConfig) if field.init]
    extra = parse_trainer_options(config.trainer_options, known)
    on_gpu = torch.cuda.is_available()
    values: dict[str, Any] = {
        "output_dir": str(config.output / CHECKPOINTS),
        "max_steps": config.max_steps,
        "per_device_train_batch_size": config.micro_batch,
        "per_device_eval_batch_size": config.micro_batch,
        "gradient_accumulation_steps": max(1, config.effective_batch_size // (config.micro_batch * world_size)),
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": config.lr_scheduler,
        "warmup_steps": config.warmup_steps,
        "weight_decay": config.weight_decay,
        "adam_beta2": config.adam_beta2,
        "max_grad_norm": config.max_grad_norm,
        "optim": config.optimizer,
        "seed": config.seed,
        "bf16": on_gpu and config.precision != "float32" and torch.cuda.is_bf16_supported(),
        "activation_checkpointing": config.gradient_checkpointing,
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "train_sampling_strategy": "group_by_length",
        "dataloader_pin_memory": on_gpu,
        "logging_steps": config.logging_steps,
        "save_steps": config.save_steps,
        "save_total_limit": 2,
        "restore_callback_states_from_checkpoint": True,
        "disable_tqdm": True,
        "report_to": config.report_to,
        "run_name": f"{Path(config.backbone).name}/{config.name}",
    }
    return SFTConfig(**(values | extra))


def newest_checkpoint(output: Path) -> Path | None:
    """The newest checkpoint that was written to its end; a half-written one, of a killed run, is passed over."""
    folders = sorted(
        (folder for folder in (output / CHECKPOINTS).glob("checkpoint-*") if folder.is_dir()),
        key=lambda folder: int(folder.name.rpartition("-")[2]),
        reverse=True,
    )
    return next((folder for folder in folders if _is_whole(folder)), None)


def train_sft(
    config: RecipeConfig,
    model: Any,
    tokenizer: Any,
    rows: Sequence[TokenRow],
    validation_rows: Sequence[TokenRow],
    *,
    checkpoint: Path | None = None,
    world_size: int = 1,
) -> Measured:
    """Trains `model` in place for `max_steps` updates.

    Args:
        config: the recipe.
        model: a causal LM, or a PEFT model of which only the adapter moves.
        tokenizer: of the model.
        rows: checked training rows (`formatting.check_training_rows`).
        validation_rows: rows to score at the end; may be empty.
        checkpoint: the checkpoint folder to go on from.
        world_size: the number of processes that train together.
    """
    from datasets import Dataset

    trainer = CompletionTrainer(
        model=model,
        args=trainer_config(config, world_size),
        train_dataset=Dataset.from_list(list(rows)),
        eval_dataset=Dataset.from_list(list(validation_rows)) if validation_rows else None,
        processing_class=tokenizer,
        callbacks=[Tally(), ProgressBar(f"train {config.name}")],
    )
    trainer.remove_callback(PrinterCallback)
    _adapters_in_float32(model, config)
    check_collated_batch(rows[: config.micro_batch], trainer.data_collator)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    tally = trainer.tally
    loss = trainer.evaluate()["eval_loss"] if validation_rows else None
    return Measured(
        trained_tokens=int(tally.trained_tokens),
        read_tokens=int(tally.read_tokens),
        seconds=round(tally.seconds, 3),
        loss_curve=[[entry["step"], entry["loss"]] for entry in trainer.state.log_history if "loss" in entry],
        validation_loss=loss,
    )


def _adapters_in_float32(model: Any, config: RecipeConfig) -> None:
    """Undoes TRL's cast of QLoRA's matrices to bfloat16, which loses small updates and is slow on a CPU."""
    if config.adapter == "qlora":
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()


def _is_whole(folder: Path) -> bool:
    """trainer_state.json is the last file of a checkpoint that matters here, so a readable one means all are there."""
    try:
        json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
