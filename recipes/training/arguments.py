"""The arguments every trainer of a recipe shares: budget, optimiser, precision, checkpoints, log.

Gives keyword arguments of `transformers.TrainingArguments` and of its children in TRL; a method adds its own.
"""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path
from typing import Any

import torch
import yaml
from accelerate import PartialState
from transformers.trainer_utils import SchedulerType
from transformers.training_args import OptimizerNames

from dataset_builder.core.errors import UserError
from dataset_builder.core.values import nearest
from recipes.config.recipe import PROJECT, TINY, RecipeConfig
from recipes.models.trainable import has_masters
from recipes.training.checkpoints import CHECKPOINTS


def shared_arguments(config: RecipeConfig) -> dict[str, Any]:
    """Keyword arguments for TrainingArguments or a child of it; the same for every method.

    Raises:
        UserError: a schedule or an optimiser that transformers does not have.
    """
    for key, word, names in (
        ("lr_scheduler", config.lr_scheduler, SchedulerType),
        ("optimizer", config.optimizer, OptimizerNames),
    ):
        if word not in (known := [name.value for name in names]):
            raise UserError(f"--{key}: no {word!r}{nearest(word, known)}")
    processes = PartialState().num_processes
    return {
        "output_dir": str(config.output / CHECKPOINTS),
        "max_steps": config.max_steps,
        # To the trainer an update is one batch; `packed.PackedTrainer` cuts it.
        "per_device_train_batch_size": max(1, config.effective_batch_size // processes),
        "per_device_eval_batch_size": max(1, config.effective_batch_size // processes),
        "gradient_accumulation_steps": 1,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": config.lr_scheduler,
        "warmup_steps": config.warmup_steps,
        "weight_decay": config.weight_decay,
        "adam_beta2": config.adam_beta2,
        "max_grad_norm": config.max_grad_norm,
        "optim": config.optimizer,
        "seed": config.seed,
        "logging_steps": config.logging_steps,
        "save_steps": config.save_steps,
        "save_total_limit": 2,
        "restore_callback_states_from_checkpoint": True,
        "disable_tqdm": True,
        **_hardware(config),
        **_tracking(config),
        "run_name": f"{Path(config.backbone).name}/{config.name}",
    }


def _hardware(config: RecipeConfig) -> dict[str, Any]:
    on_gpu = torch.cuda.is_available()
    return {
        "bf16": on_gpu  # autocast
        and config.precision != "float32"
        and torch.cuda.is_bf16_supported()
        and not has_masters(config),
        "dataloader_pin_memory": on_gpu,
        **({} if on_gpu or PartialState().num_processes == 1 else {"use_cpu": True, "ddp_backend": "gloo"}),
    }


def _tracking(config: RecipeConfig) -> dict[str, Any]:
    """trackio on this machine alone: no Space, no bucket; another tracker only where it is named."""
    wanted = config.report_to
    if wanted == "auto":
        wanted = "none" if config.backbone == TINY else "trackio"
    offline = {"project": PROJECT, "trackio_space_id": None, "trackio_static_space_id": False}
    return {"report_to": wanted, **offline}


def extra_arguments(config: RecipeConfig, arguments_class: type) -> dict[str, Any]:
    """The recipe's `trainer_options`, the values read as YAML, checked against the fields of the method's own class.

    Raises:
        UserError: a pair without "=", or an option that class does not have.
    """
    known = [field.name for field in dataclasses.fields(arguments_class) if field.init]
    values = {}
    for pair in config.trainer_options:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UserError(f"trainer_options must be name=value pairs, found {pair!r}")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            raise UserError(f"trainer_options: {arguments_class.__name__} has no option {name!r}{hint}")
        values[name] = yaml.safe_load(text)
    return values
