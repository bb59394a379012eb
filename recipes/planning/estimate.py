"""Fits a recipe to a GPU: micro-batch and accumulation at the same effective batch, with memory and time.

    plan_recipe(config, gpu_named("12gb")).text()
    -> mistral-7b/bc_qlora on 12gb (RTX 3060): 4 x 32 = 128 examples an update
       memory  8.9 of 11.5 GiB: weights 4.0, trained 0.6, activations 2.6, loss 0.5, runtime 0.6
       ...

Times assume that a share of the GPU's arithmetic peak is reached (`UTILISATION`); they are not measured on a GPU.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from recipes.config.backbones import find_backbone
from recipes.config.compose import adapters_of
from recipes.config.methods import METHODS
from recipes.config.recipe import ADAPTERS, RecipeConfig
from recipes.planning.gpus import GPUS, Gpu
from recipes.planning.memory import GIB, Memory, estimate_memory, texts_per_row, trained_parameters
from recipes.planning.shapes import Shape, shape_of

UTILISATION = {"full": 0.35, "lora": 0.35, "qlora": 0.25}
LARGEST_MICRO_BATCH = 32
"""Rows per forward pass beyond which a GPU gains nothing on rows of this length."""
TYPICAL_TOKENS = {"decomposer": 155, "solver": 240}
"""Mean tokens of a row where the data are not at hand: the published test sets at 4.2 characters a token."""


class DoesNotFit(UserError):
    """A recipe needs more memory than the GPU has."""


@dataclass(frozen=True)
class RunPlan:
    """How a recipe will run on a GPU."""

    recipe: str
    """Its name: "mistral-7b/bc_qlora"."""
    gpu: Gpu
    """What it is planned for."""
    micro_batch: int
    """Rows per forward pass of one device."""
    accumulation: int
    """Forward passes per update."""
    devices: int
    """How many train together."""
    memory: Memory
    """Of one device at its peak."""
    parameters: int
    """Weights of the backbone."""
    trained: int
    """Weights that move, with adapters and value heads."""
    seconds: float
    """Of all updates."""
    longest: int
    """Tokens of the longest row."""

    @property
    def effective_batch(self) -> int:
        return self.micro_batch * self.accumulation * self.devices

    def text(self) -> str:
        """The plan as a reader wants it."""
        processes = f" x {self.devices} processes" if self.devices > 1 else ""
        batch = f"{self.micro_batch} x {self.accumulation}{processes}"
        listed = ", ".join(f"{name} {value / GIB:.1f}" for name, value in vars(self.memory).items())
        needed, usable = self.memory.total / GIB, self.gpu.usable_gib
        kind = "not measured on a GPU" if self.gpu.on_gpu else "arithmetic, no measurement"
        return (
            f"{self.recipe} on {self.gpu.name} ({self.gpu.example}): {batch} = {self.effective_batch} rows/update\n"
            f"memory  {needed:.1f} of {usable:.1f} GiB with rows of {self.longest} tokens: {listed}\n"
            f"time    about {_duration(self.seconds)} ({kind})\n"
            f"moves   {self.trained:,} of {self.parameters:,} weights\n"
        )


def plan_recipe(
    config: RecipeConfig, gpu: Gpu, *, devices: int = 1, longest: int = 0, mean_tokens: float = 0.0
) -> RunPlan:
    """The largest micro-batch that fits and divides the effective batch.

    Args:
        config: the recipe; a `micro_batch_size` above zero is used as it is.
        gpu: where it shall run.
        devices: how many such GPUs train together.
        longest: tokens of the longest row; 0: the recipe's max_length.
        mean_tokens: tokens of a row on average; 0: what is typical of the method.

    Raises:
        DoesNotFit: it cannot fit, with what would.
        UserError: the effective batch cannot be shared out evenly, or the backbone is not known.
    """
    shape = shape_of(config)
    longest = min(longest or config.max_length, config.max_length)
    tried = [
        (size, estimate_memory(config, shape, size, tokens_per_row=longest, on_gpu=gpu.on_gpu))
        for size in micro_batches(config, devices)
    ]
    fitting = [(size, memory) for size, memory in tried if memory.total <= gpu.usable_gib * GIB]
    if not fitting:
        raise DoesNotFit(_does_not_fit(config, gpu, tried[-1][0], tried[-1][1], longest, devices))
    size, memory = fitting[0]
    return RunPlan(
        recipe=f"{Path(config.backbone).name}/{config.name}",
        gpu=gpu,
        micro_batch=size,
        accumulation=config.effective_batch_size // (size * devices),
        devices=devices,
        memory=memory,
        parameters=shape.parameters,
        trained=trained_parameters(config, shape),
        seconds=estimate_seconds(config, shape, gpu, mean_tokens) / devices,
        longest=longest,
    )


def micro_batches(config: RecipeConfig, devices: int = 1) -> list[int]:
    """The sizes to try, largest first: divisors of what one device sees per update.

    Raises:
        UserError: the effective batch cannot be shared out evenly.
    """
    if config.effective_batch_size % devices:
        raise UserError(
            f"effective_batch_size {config.effective_batch_size} cannot be shared by {devices} processes; "
            f"give a multiple of {devices}"
        )
    share = config.effective_batch_size // devices
    if config.micro_batch_size:
        return [config.micro_batch_size]
    return [size for size in range(min(share, LARGEST_MICRO_BATCH), 0, -1) if share % size == 0]


def estimate_seconds(config: RecipeConfig, shape: Shape, gpu: Gpu, mean_tokens: float = 0.0) -> float:
    """Arithmetic of all updates over what the GPU does a second.

    A token costs 2 operations per weight forward, 2 back to the activations, 2 to the gradients of weights that move,
    and 2 more where activations are computed twice.

    Args:
        config: the recipe.
        shape: of its backbone.
        gpu: where it shall run.
        mean_tokens: tokens of a row on average; 0: what is typical of the method.
    """
    tokens = texts_per_row(config) * (mean_tokens or TYPICAL_TOKENS[METHODS[config.method].student])
    passes = 2 + 2 + (2 if config.adapter == "full" else 0) + (2 if config.gradient_checkpointing else 0)
    operations = passes * shape.parameters * tokens * config.effective_batch_size * config.max_steps
    share = UTILISATION[config.adapter] if gpu.on_gpu else 1.0
    return operations / (gpu.teraflops * 1e12 * share)


def smallest_need(config: RecipeConfig, shape: Shape) -> float:
    """GiB on a GPU with one row at a time: below that no micro-batch helps."""
    return estimate_memory(config, shape, 1).total / GIB


def _does_not_fit(config: RecipeConfig, gpu: Gpu, size: int, memory: Memory, longest: int, devices: int) -> str:
    need = memory.total / GIB
    rows = "one row" if size == 1 else f"{size} rows"
    return (
        f"{Path(config.backbone).name}/{config.name} needs about {need:.1f} GiB with {rows} of {longest} tokens, and "
        f"{gpu.name} has {gpu.usable_gib:.1f} GiB to give; {_suggestion(config, gpu, longest, devices)}"
    )


def _suggestion(config: RecipeConfig, gpu: Gpu, longest: int, devices: int) -> str:
    known = find_backbone(config.backbone)
    adapters = adapters_of(config.method, known) if known else ADAPTERS
    ways: list[tuple[dict[str, Any], str]] = []
    if not config.gradient_checkpointing:
        ways.append(({"gradient_checkpointing": True}, "--gradient_checkpointing true"))
    if config.micro_batch_size > 1:
        ways.append(({"micro_batch_size": 0}, "--micro_batch_size 0"))
    if config.adapter == "full" and "lora" in adapters:
        ways.append(({"adapter": "lora", "gradient_checkpointing": True}, "--adapter lora"))
    if config.adapter != "qlora" and "qlora" in adapters:
        qlora = {"adapter": "qlora", "optimizer": "paged_adamw_8bit", "gradient_checkpointing": True}
        ways.append((qlora, "--adapter qlora"))
    for changes, words in ways:
        try:
            plan_recipe(dataclasses.replace(config, **changes), gpu, devices=devices, longest=longest)
        except DoesNotFit:
            continue
        return f"{words} fits"
    for preset in GPUS.values():
        if preset.memory_gib > gpu.memory_gib and smallest_need(config, shape_of(config)) <= preset.usable_gib:
            return f"the smallest preset it fits is {preset.name}; or take a smaller backbone"
    return "take a smaller backbone"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
