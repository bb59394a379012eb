"""Fits a recipe to a GPU: tokens per micro-batch and whether activations are recomputed, with memory and time.

    plan_recipe(config, gpu_named("12gb")).text()
    -> Mistral-7B-v0.1/bc_qlora on 12gb (RTX 3060): 128 rows/update in 29.0 micro-batches of up to 796 tokens
       memory  11.5 of 11.5 GiB at a full micro-batch, activations kept: weights 4.1, trained 0.5, activations 5.4, ...
       ...

Of what fits, the fastest is chosen. A micro-batch takes as long as its tokens, padding included, and as the launches
of its kernels, which keep a GPU waiting whatever it holds: 0.7 s for a 7B model on an H200 (2026-11-26). A token costs
arithmetic, of which a share of the GPU's peak is reached (`UTILISATION`).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.generate.estimate import USUAL_REPLY_TOKENS
from recipes.config.backbones import find_backbone
from recipes.config.compose import adapters_of
from recipes.config.recipe import ADAPTERS, RecipeConfig, rewards_of
from recipes.config.sampling import rewarded_rows, sampled_rows
from recipes.data.packing import FEWEST, TokenBudget
from recipes.planning.gpus import GPUS, Gpu
from recipes.planning.lengths import Cut, Lengths, cut
from recipes.planning.memory import (
    GIB,
    Memory,
    beside_bytes,
    estimate_memory,
    keeps_reference,
    models_beside,
    passes,
    teacher_parameters,
    trained_parameters,
)
from recipes.planning.shapes import Shape, shape_beside, shape_of

UTILISATION = {"full": 0.35, "lora": 0.35, "qlora": 0.25}
KERNELS = {"full": 101, "lora": 176, "qlora": 204}
"""Launched for one layer and micro-batch, views apart (`make bench-launches`); a third more where it is recomputed."""
SAMPLING = 0.02
"""The share of a GPU's peak that decoding with transformers reaches: one token of each row at a time (a guess)."""
LAUNCH_S = 60e-6
"""Of one kernel: 0.7 s for 32 layers of 302 kernels (H200, 2026-11-26)."""


class DoesNotFit(UserError):
    """A recipe needs more memory than the GPU has."""


@dataclass(frozen=True)
class RunPlan:
    """How a recipe will run on a GPU."""

    recipe: str
    """Its name: "mistral-7b/bc_qlora"."""
    gpu: Gpu
    """What it is planned for."""
    budget: TokenBudget
    """Of a micro-batch of one device."""
    recompute: bool
    """Whether activations are computed again in the backward pass (`gradient_checkpointing`)."""
    effective_batch: int
    """Rows of an update, over all devices."""
    devices: int
    """How many train together."""
    cut: Cut
    """What the budget makes of the rows."""
    lengths: Lengths
    """Of the rows."""
    memory: Memory
    """Of one device at its fullest micro-batch."""
    parameters: int
    """Weights of the backbone."""
    trained: int
    """Weights that move, with adapters and value heads."""
    seconds: float
    """Of all updates."""
    beside: float = 0.0
    """Bytes that a solver in this process takes, of the memory."""

    @property
    def tokens(self) -> int:
        """Most that a micro-batch will hold, padding included."""
        return min(self.budget.tokens, self.cut.fullest)

    @property
    def room(self) -> int:
        """Bytes that a process may hold on that GPU, its context aside."""
        return int(self.gpu.usable_gib * GIB - self.memory.runtime)

    @property
    def rows(self) -> int:
        """Rows of the longest that fit a micro-batch: for trainers of TRL that cut what they sample by rows."""
        share = self.effective_batch // self.devices
        return min(share, self.budget.rows or share, max(1, self.budget.tokens // self.lengths.longest))

    def facts(self) -> dict[str, Any]:
        """For the record."""
        return {
            "gpu": self.gpu.name,
            "micro_batch_tokens": self.tokens,
            "micro_batches": round(self.cut.micro_batches, 2),
            "padding": round(1 - self.cut.read / self.cut.tokens, 3),
            "recompute": self.recompute,
            "memory_gib": round(self.memory.total / GIB, 2),
            "seconds": round(self.seconds, 1),
            "exact_lengths": self.lengths.exact,
        }

    def text(self) -> str:
        """The plan as a reader wants it."""
        share = f" on each of {self.devices} processes" if self.devices > 1 else ""
        listed = ", ".join(f"{name} {value / GIB:.1f}" for name, value in vars(self.memory).items())
        needed, usable = self.memory.total / GIB, self.gpu.usable_gib
        kind = "not measured on this GPU" if self.gpu.on_gpu else "arithmetic, no measurement"
        recomputed = "recomputed" if self.recompute else "kept"
        lengths = self.lengths
        rows = (
            f"{len(lengths.rows):,} rows of {lengths.mean:.0f} tokens on average, the longest {lengths.longest:,}"
            if lengths.exact
            else f"estimated, {lengths.mean:.0f} tokens a row on average; a run counts its own rows first"
        )
        return (
            f"{self.recipe} on {self.gpu.name} ({self.gpu.example}): {self.effective_batch} rows/update in "
            f"{self.cut.micro_batches:.1f} micro-batches of up to {self.tokens:,} tokens{share}\n"
            f"lengths {rows}\n"
            f"memory  {needed:.1f} of {usable:.1f} GiB at a full micro-batch, activations {recomputed}: {listed}\n"
            f"time    about {_duration(self.seconds)} ({kind})\n"
            f"moves   {self.trained:,} weights; the backbone has {self.parameters:,}\n"
        ) + (
            f"solver  in this process: {self.beside / GIB:.1f} GiB of that memory; costs nothing\n" * bool(self.beside)
        )


def plan_recipe(config: RecipeConfig, gpu: Gpu, *, devices: int = 1, lengths: Lengths | None = None) -> RunPlan:
    """The fastest way to run the recipe that fits.

    Args:
        config: the recipe; `micro_batch_tokens`, `micro_batch_size` and `gradient_checkpointing` bind it where set.
        gpu: where it shall run.
        devices: how many such GPUs train together.
        lengths: of the run's rows; None: what is typical of the method.

    Raises:
        DoesNotFit: it cannot fit, with what would.
        UserError: the effective batch cannot be shared out evenly, or the backbone is not known.
    """
    check_shares(config, devices)
    shape, lengths = shape_of(config), lengths or Lengths.typical(config)
    asked = config.gradient_checkpointing
    ways = [_one_way(config, recompute, shape, gpu, devices, lengths) for recompute in ways_to_keep(asked)]
    fitting = [plan for plan in ways if plan.memory.total <= gpu.usable_gib * GIB]
    if not fitting:
        raise DoesNotFit(_does_not_fit(config, ways[-1]))
    return min(fitting, key=lambda plan: plan.seconds)


def check_shares(config: RecipeConfig, devices: int) -> None:
    """Refuses an effective batch of which not every process would get as many rows.

    Raises:
        UserError: with the remedy.
    """
    if config.effective_batch_size % devices:
        raise UserError(
            f"effective_batch_size {config.effective_batch_size} cannot be shared by {devices} processes; "
            f"give a multiple of {devices}"
        )


def ways_to_keep(recompute: bool | None) -> list[bool]:
    """What `gradient_checkpointing` may become, the one that needs least memory last."""
    return [False, True] if recompute is None else [recompute]


def _one_way(config: RecipeConfig, recompute: bool, shape: Shape, gpu: Gpu, devices: int, lengths: Lengths) -> RunPlan:
    """The plan with recomputation or without; it may not fit."""
    config = dataclasses.replace(config, gradient_checkpointing=recompute)
    rows = min(config.micro_batch_size or config.effective_batch_size, config.effective_batch_size // devices)
    tokens = config.micro_batch_tokens or _most_tokens(config, shape, gpu, lengths.longest, rows * lengths.longest)
    by_token, by_micro_batch = seconds_per_token(config, shape, gpu), seconds_per_micro_batch(config, shape, gpu)
    launches = round(by_micro_batch / by_token) if gpu.on_gpu else FEWEST
    budget = TokenBudget(tokens, config.micro_batch_size, launches, joined=lengths.joined)
    pieces = cut(lengths.updates(config, devices), budget)
    held = min(tokens, pieces.fullest) if not config.micro_batch_tokens else tokens
    held = max(held, lengths.longest if not lengths.exact else 0)
    update = pieces.tokens * by_token + pieces.micro_batches * by_micro_batch
    return RunPlan(
        recipe=f"{Path(config.backbone).name}/{config.name}",
        gpu=gpu,
        budget=budget,
        recompute=recompute,
        effective_batch=config.effective_batch_size,
        devices=devices,
        cut=pieces,
        lengths=lengths,
        memory=estimate_memory(config, shape, held, on_gpu=gpu.on_gpu),
        parameters=shape.parameters,
        trained=trained_parameters(config, shape),
        seconds=config.max_steps * update + sampling_seconds(config, shape, gpu, lengths.mean),
        beside=sum(beside_bytes(config, shape, gpu.on_gpu)),
    )


def _most_tokens(config: RecipeConfig, shape: Shape, gpu: Gpu, least: int, most: int) -> int:
    """The largest micro-batch that fits, from one of the longest rows to a whole update; `least` where none does."""
    low, high = least, max(least, most)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_memory(config, shape, middle, on_gpu=gpu.on_gpu).total <= gpu.usable_gib * GIB:
            low = middle
        else:
            high = middle - 1
    return low


def seconds_per_token(config: RecipeConfig, shape: Shape, gpu: Gpu) -> float:
    """Arithmetic of one token, padding or not, over what the GPU does a second.

    A token costs 2 operations per weight forward, 2 back to the activations, 2 to the gradients of weights that move,
    and 2 more where activations are computed twice; a reference that is asked anew and a teacher only read it.
    """
    each = 2 + 2 + (2 if config.adapter == "full" else 0) + (2 if config.gradient_checkpointing else 0)
    read = 2 * (
        teacher_parameters(config, shape) + (shape.parameters if config.grpo and keeps_reference(config) else 0)
    )
    share = UTILISATION[config.adapter] if gpu.on_gpu else 1.0
    cloned = bool((rewards := rewards_of(config)) and rewards.clone_weight)
    return ((passes(config) + cloned) * each * shape.parameters + read) / (gpu.teraflops * 1e12 * share)


def sampling_seconds(config: RecipeConfig, shape: Shape, gpu: Gpu, tokens: float) -> float:
    """Of drawing all samples of a run, each of so many tokens with its prompt; 0 where nothing is sampled.

    A solver or feedback model in this process writes an answer to each.
    """
    share = SAMPLING if gpu.on_gpu else 1.0
    answering = sum(shape_beside(path, shape).parameters for path in models_beside(config))
    written = shape.parameters * tokens * sampled_rows(config)
    written += answering * USUAL_REPLY_TOKENS["answer"] * rewarded_rows(config)
    return 2 * written / (gpu.teraflops * 1e12 * share)


def seconds_per_micro_batch(config: RecipeConfig, shape: Shape, gpu: Gpu) -> float:
    """What a micro-batch costs whatever it holds: the launches of its kernels; nothing on a CPU."""
    if not gpu.on_gpu:
        return 0.0
    kernels = KERNELS[config.adapter] * (4 / 3 if config.gradient_checkpointing else 1)
    return passes(config) * shape.layers * kernels * LAUNCH_S


def smallest_need(config: RecipeConfig, shape: Shape) -> float:
    """GiB on a GPU with one row of max_length at a time: below that no micro-batch helps."""
    least = dataclasses.replace(config, gradient_checkpointing=ways_to_keep(config.gradient_checkpointing)[-1])
    return estimate_memory(least, shape, Lengths.typical(config).longest).total / GIB


def _does_not_fit(config: RecipeConfig, plan: RunPlan) -> str:
    need, gpu = plan.memory.total / GIB, plan.gpu
    held = (
        f"{plan.budget.tokens:,} tokens" if config.micro_batch_tokens else f"one row of {plan.lengths.longest} tokens"
    )
    return (
        f"{Path(config.backbone).name}/{config.name} needs about {need:.1f} GiB with {held}, and "
        f"{gpu.name} has {gpu.usable_gib:.1f} GiB to give; {_suggestion(config, plan)}"
    )


def _suggestion(config: RecipeConfig, plan: RunPlan) -> str:
    gpu = plan.gpu
    known = find_backbone(config.backbone)
    adapters = adapters_of(config.method, known) if known else ADAPTERS
    ways: list[tuple[dict[str, Any], str]] = []
    if config.gradient_checkpointing is False:
        ways.append(({"gradient_checkpointing": True}, "--gradient_checkpointing true"))
    if config.micro_batch_tokens:
        ways.append(({"micro_batch_tokens": 0}, "--micro_batch_tokens 0"))
    if config.adapter == "full" and "lora" in adapters:
        ways.append(({"adapter": "lora", "gradient_checkpointing": True}, "--adapter lora"))
    if config.adapter != "qlora" and "qlora" in adapters:
        qlora = {"adapter": "qlora", "optimizer": "paged_adamw_8bit", "gradient_checkpointing": True}
        ways.append((qlora, "--adapter qlora"))
    for changes, words in ways:
        try:
            plan_recipe(dataclasses.replace(config, **changes), gpu, devices=plan.devices, lengths=plan.lengths)
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
