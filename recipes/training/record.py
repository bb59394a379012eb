"""What a training run says about itself: `train_record.json`, written once, when the run has ended well.

Later stages (evaluation, cards) read numbers from here and from nowhere else:

    {"schema_version": "1.0.0", "method": "bc", "backbone": "tiny", "adapter": "full", "init_from": "",
     "dataset": {"path": "outputs/demo/dataset", "config": "prompt_completion", "content_sha256": "3f..", ...},
     "examples": 2400, "updates": 900, "trained_tokens": 1934022, "seconds": 131.2, "train_loss": 0.081, ...}
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataset_builder.core.checks import record_from_json
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_json
from dataset_builder.core.provenance import code_state, package_versions
from recipes.models.checkpoint import RECORD_FILE
from recipes.models.types import CausalLM

TRAIN_RECORD_SCHEMA_VERSION = "1.0.0"
PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets", "accelerate", "tokenizers")


@dataclass(frozen=True)
class TrainRecord:
    """The facts of one finished run."""

    method: str
    """bc, filtered_bc, ...: the same word as in the recipe."""
    recipe: str
    """Backbone folder and file name of the recipe: "tiny/bc_full"."""
    recipe_sha256: str
    """Of the resolved recipe, without the keys that change nothing of what is learnt."""
    backbone: str
    """As the recipe names it: a Hub id, a folder, or tiny."""
    adapter: str
    """full, lora or qlora."""
    init_from: str
    """The checkpoint the weights came from; empty: the backbone's own (or random, for tiny)."""
    dataset: dict[str, Any]
    """path, config, revision asked for, rows used, sha256 of their texts, and the dataset's own facts."""
    examples: int
    """Rows of the dataset that were trained on."""
    dropped_examples: int
    """Rows left out by the method (filtered_bc: those whose final answer is wrong or unknown)."""
    updates: int
    """Optimiser updates made; fewer than the recipe's max_steps where it stopped early."""
    effective_batch_size: int
    """Examples per update, over all processes."""
    micro_batch_size: int
    """Most examples that a forward pass of one process held; earlier runs: of each."""
    trained_tokens: int
    """Tokens that carried loss, over all updates."""
    read_tokens: int
    """Tokens that went through the model, without padding, over all updates."""
    parameters: int
    """Weights of the model with its adapters."""
    trainable_parameters: int
    """Those that moved."""
    seconds: float
    """Of training alone, over all sessions of a resumed run."""
    tokens_per_second: float | None
    """read_tokens / seconds; None where no time was measured."""
    peak_memory_gib: float
    """Most that the process held at once."""
    peak_memory_kind: str
    """gpu (allocated) or host (resident set)."""
    train_loss: float | None
    """Mean over the last tenth of the loss curve, in the unit of the method's loss: see `validation_loss`; None where
    none was logged."""
    validation_loss: float | None
    """At the end; None without a validation split. Per trained token (bc, filtered_bc, solver_*, and unweighted
    reward_weighted_bc and resampled_bc), per pair (dpo), per set (kto), or per action (ilql_*)."""
    loss_curve: list[list[float]]
    """[update, mean loss since the point before] pairs."""
    seed: int
    """Of initial weights, the order of examples and dropout."""
    device: str
    """Name of the GPU, or the CPU's threads."""
    precision: str
    """The type that the weights are stored in."""
    versions: dict[str, str]
    """Of the packages in `PACKAGES`."""
    commit: str | None
    """The checkout's commit, "+dirty" appended where files differ from it; None outside a checkout."""
    resolved_recipe: dict[str, Any]
    """Every key of the recipe as it was run."""
    details: dict[str, Any] = field(default_factory=dict)
    """What only this method measures."""
    updates_before: int = 0
    """Of the run it starts from and of that run's own start: the budget of a chain is both numbers."""
    chosen_update: int | None = None
    """The update whose weights are published; None: the last (the others' weights are in `last/`)."""
    energy_joules: float | None = None
    """Of the whole GPU while training; None without one."""
    trained_problems: int | None = None
    """Distinct problems of the whole chain of starts, listed in `trained_problems.json`; None: an earlier version."""
    micro_batch_tokens: int = 0
    """Most tokens that a forward pass held, padding included; 0: not recorded."""
    plan: dict[str, Any] = field(default_factory=dict)
    """What was planned for this machine before anything was loaded: memory, time, micro-batches."""
    probe: dict[str, Any] = field(default_factory=dict)
    """What was measured of the plan: how often memory ran out, and on a GPU bytes and seconds of a token."""
    schema_version: str = field(default=TRAIN_RECORD_SCHEMA_VERSION)
    """Of this record's fields."""


@dataclass(frozen=True)
class Measured:
    """What a run measured of itself; see the fields of the same names in `TrainRecord`."""

    trained_tokens: int
    read_tokens: int
    seconds: float
    loss_curve: list[list[float]]
    validation_loss: float | None
    details: dict[str, Any]
    updates: int
    chosen_update: int | None
    energy_joules: float | None
    micro_batch_size: int
    micro_batch_tokens: int
    probe: dict[str, Any]


def write_train_record(record: TrainRecord, folder: Path) -> Path:
    """Writes the record whole or not at all; its presence means that the run has finished."""
    path = folder / RECORD_FILE
    write_json(path, dataclasses.asdict(record))
    return path


def read_train_record(folder: Path) -> TrainRecord:
    """The record of a finished run.

    Raises:
        UserError: the folder holds no finished run, or a record of another schema.
    """
    path = folder / RECORD_FILE
    if not path.is_file():
        raise UserError(f"{folder} holds no finished training run (no {RECORD_FILE}); run recipes.train first")
    where, remedy = f"{path} is no training record of schema {TRAIN_RECORD_SCHEMA_VERSION}", "train again"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{where}: {error}; {remedy}") from error
    return record_from_json(TrainRecord, values, where, remedy)


def find_train_record(checkpoint: str | Path) -> TrainRecord | None:
    """The record of a checkpoint trained here; None for one of other origin or a Hub id.

    Raises:
        UserError: the record is damaged.
    """
    folder = Path(checkpoint)
    return read_train_record(folder) if (folder / RECORD_FILE).is_file() else None


def run_environment(model: CausalLM) -> dict[str, Any]:
    """Weights, device, precision, peak memory, versions and commit, as the record's fields."""
    import torch

    parameters = list(model.parameters())
    parameter, on_gpu = parameters[0], parameters[0].device.type == "cuda"
    return {
        "parameters": sum(weights.numel() for weights in parameters),
        "trainable_parameters": sum(weights.numel() for weights in parameters if weights.requires_grad),
        "device": torch.cuda.get_device_name(parameter.device)
        if on_gpu
        else f"cpu, {torch.get_num_threads()} threads",
        "precision": str(parameter.dtype).removeprefix("torch."),
        "peak_memory_gib": round((torch.cuda.max_memory_allocated() if on_gpu else _host_peak_bytes()) / 2**30, 3),
        "peak_memory_kind": "gpu" if on_gpu else "host",
        "versions": package_versions(PACKAGES),
        "commit": code_state().label,
    }


def _host_peak_bytes() -> int:
    import sys

    try:
        import resource
    except ImportError:  # Windows
        import psutil

        memory = psutil.Process().memory_info()
        return int(getattr(memory, "peak_wset", memory.rss))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
