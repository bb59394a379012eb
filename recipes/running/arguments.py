"""The arguments every trainer of a recipe shares: budget, optimiser, precision, checkpoints, log.

Gives keyword arguments of `transformers.TrainingArguments` and of its children in TRL; a method adds its own.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from recipes.config import RecipeConfig, parse_trainer_options
from recipes.running.checkpoints import CHECKPOINTS


def world_size() -> int:
    """How many processes train together, as the launcher says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this process writes the output."""
    return int(os.environ.get("RANK", "0")) == 0


def shared_arguments(config: RecipeConfig) -> dict[str, Any]:
    """Keyword arguments for TrainingArguments or a child of it; the same for every method."""
    import torch

    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(config.output / CHECKPOINTS),
        "max_steps": config.max_steps,
        "per_device_train_batch_size": config.micro_batch,
        "per_device_eval_batch_size": config.micro_batch,
        "gradient_accumulation_steps": max(1, config.effective_batch_size // (config.micro_batch * world_size())),
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": config.lr_scheduler,
        "warmup_steps": config.warmup_steps,
        "weight_decay": config.weight_decay,
        "adam_beta2": config.adam_beta2,
        "max_grad_norm": config.max_grad_norm,
        "optim": config.optimizer,
        "seed": config.seed,
        "bf16": on_gpu and config.precision != "float32" and torch.cuda.is_bf16_supported(),
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


def extra_arguments(config: RecipeConfig, arguments_class: type) -> dict[str, Any]:
    """The recipe's `trainer_options`, checked against the fields of the method's own arguments class.

    Raises:
        UserError: an option that class does not have.
    """
    known = [field.name for field in dataclasses.fields(arguments_class) if field.init]
    return parse_trainer_options(config.trainer_options, known)
