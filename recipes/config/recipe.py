"""What a recipe may say: its keys with defaults, help and owner, and what contradicts itself.

A key's owner is the file that may hold it: the backbone's, the method's or the adapter's (see `compose`). The run's
own keys stand in no such file. What only some methods have stands in a section of its own (see `settings`). Options of
the method's TRL class that have no key go through `trainer_options` as "name=value".

    method: bc
    backbone: tiny
    adapter: full
    max_steps: 900
    learning_rate: 3e-3
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import AUTO, option
from dataset_builder.core.errors import UserError
from dataset_builder.core.values import check_values
from recipes.config.methods import METHODS
from recipes.config.settings import (
    DistillationSettings,
    ExpertIterationSettings,
    GrpoSettings,
    IlqlSettings,
    PreferenceSettings,
    RewardSettings,
    RewardWeightingSettings,
    SamplingSettings,
)
from recipes.config.solver import SolverKeys, names_solver

_backbone, _method, _adapter, _run = (
    functools.partial(option, owner=owner) for owner in ("backbone", "method", "adapter", "run")
)

AXES = ("backbone", "method", "adapter")
ADAPTERS = ("full", "lora", "qlora")
TEXT_FORMATS = ("delimiters", "chat")
SWITCH = ("auto", "on", "off")
CHOICES = ("last", "fluency", "solver")
TINY = "tiny"
PROJECT = "gsm8k-ai-subq"
"""What runs are filed under in a tracker."""
TRACKERS = ("trackio", "tensorboard", "wandb")
"""Those of transformers' integrations that are tried here; each is imported by its name."""

SECTIONS: dict[str, type[IlqlSettings | RewardWeightingSettings | PreferenceSettings | SamplingSettings]] = {
    "ilql": IlqlSettings,
    "reward_weighting": RewardWeightingSettings,
    "preference": PreferenceSettings,
    "grpo": GrpoSettings,
    "expert_iteration": ExpertIterationSettings,
    "distillation": DistillationSettings,
}
"""The keys that hold a method's own settings."""

OLD_OPTIONS = {
    "trace": "td_lambda",
    "resample": "resample_temperature",
    "largest_weight": "max_weight",
    "policy_beta": "awr_beta",
    "chunk": "vocab_chunk",
}
"""Options of earlier recipes -> what they are called now."""

NOT_PART_OF_A_RUN = (
    "output_dir",
    "resume",
    "report_to",
    "needs_gpu",
    "gpu",
    "micro_batch_size",
    "micro_batch_tokens",
    "padding_free",
    "compile",
    "threads",
    "logging_steps",
    "save_steps",
    "save_minutes",
    "solver_base_url",
    "solver_max_in_flight",
    "solver_max_cost_usd",
    "solver_price_input",
    "solver_price_output",
    "dry_run",
)
"""Keys that change how a run is carried out or watched, never what it learns: they may differ when it is resumed."""


@dataclass(frozen=True)
class RecipeConfig(SolverKeys):
    """One training run. `resolved(config)` is saved beside its output as recipe.yaml."""

    backbone: str = _backbone(TINY, f"a Hub id, a local folder, or {TINY!r}: a small Llama made from scratch")
    backbone_revision: str = _backbone("", "commit or tag of the backbone on the Hub; empty: its main branch")
    text_format: str = _backbone("delimiters", "delimiters for base models, chat for instruct models", TEXT_FORMATS)
    effective_batch_size: int = _backbone(32, "examples per update, over all micro-batches and devices", least=1)
    lr_scheduler: str = _backbone("constant", "constant, constant_with_warmup, linear, cosine, ...")
    adam_beta2: float = _backbone(0.999, "second moment decay of Adam", least=0, most=1)
    tiny_hidden_size: int = _backbone(128, "width of the tiny backbone", least=1)
    tiny_heads: int = _backbone(4, "attention heads of the tiny backbone", least=1)
    tiny_vocabulary: int = _backbone(4096, "most words the tiny tokenizer may hold", least=1)
    gradient_checkpointing: bool | None = _backbone(
        None, "recompute activations: less memory, a third more time; auto (empty): where the plan says so"
    )
    needs_gpu: bool = _backbone(
        False, "stop at once unless a GPU with the planned memory is here; false: runs on a CPU"
    )
    save_steps: int = _backbone(200, "updates between two checkpoints that a killed run can resume from", least=1)

    method: str = _method("bc", f"what is learnt, and from which rows: {', '.join(METHODS)}", tuple(METHODS))
    max_length: int = _method(
        512, "longest example in tokens; a longer one stops the run before its first step", least=1
    )
    max_steps: int = _method(1000, "optimiser updates: the budget that methods are compared at", least=1)
    learning_rate: float = _method(1e-4, "peak learning rate of AdamW", above=0)
    warmup_steps: float = _method(0.0, "updates of linear warm-up; below 1: a share of max_steps", least=0)
    weight_decay: float = _method(0.0, "decoupled weight decay", least=0)
    max_grad_norm: float = _method(1.0, "gradients are clipped to this norm", least=0)
    tiny_layers: int = _method(4, "layers of the tiny backbone", least=1)
    choose_by: str = _method(
        "last",
        "which checkpoint is published: the last, the one with the best solver-free text (fluency), or the one whose "
        "sub-questions a solver answers best (solver)",
        CHOICES,
    )
    choose_examples: int = _method(64, "validation problems decomposed at each checkpoint to choose by", least=1)
    early_stopping: int = _method(0, "stop after so many checkpoints without a better one; 0: never", least=0)
    trainer_options: list[str] = option([], "further options of the TRL config, as name=value", owner="method")
    ilql: IlqlSettings | None = None
    """Of the ilql_* methods; None for every other."""
    reward_weighting: RewardWeightingSettings | None = None
    """Of reward_weighted_bc and resampled_bc."""
    preference: PreferenceSettings | None = None
    """Of dpo and kto."""
    grpo: GrpoSettings | None = None
    """Of grpo."""
    expert_iteration: ExpertIterationSettings | None = None
    """Of expert_iteration."""
    distillation: DistillationSettings | None = None
    """Of on_policy_distillation."""

    adapter: str = _adapter("full", "which weights move: all, a LoRA, or a LoRA on 4-bit weights (qlora)", ADAPTERS)
    optimizer: str = _adapter("adamw_torch", "a transformers optimiser name, for instance paged_adamw_8bit")
    lora_rank: int = _adapter(16, "rank of the LoRA matrices", least=1)
    lora_alpha: int = _adapter(32, "LoRA scale: the update is multiplied by alpha / rank", least=1)
    lora_dropout: float = _adapter(0.0, "dropout before the LoRA matrices", least=0, most=1)
    lora_targets: list[str] = option(["all-linear"], "module names that get a LoRA, or all-linear", owner="adapter")

    init_from: str = _run("", "start from this checkpoint or adapter, a folder or a Hub id, not from the backbone")
    output_dir: str = _run("", "folder for the checkpoint and its record ; empty: outputs/<backbone>/<recipe>")
    max_examples: int = _run(0, "use only the first N training examples; 0: all", least=0)
    validation_examples: int = _run(256, "score the loss on up to N validation examples at the end; 0: none", least=0)
    micro_batch_size: int = _run(
        0, "most examples per forward pass; 0: as many as fit the GPU (see recipes.plan)", least=0
    )
    micro_batch_tokens: int = _run(
        0, "most tokens per forward pass, padding included; 0: as many as fit the GPU (see recipes.plan)", least=0
    )
    padding_free: str = _run(
        "auto",
        "join the rows of a micro-batch instead of padding them; auto: with FlashAttention, or on a CPU",
        SWITCH,
    )
    compile: bool = _run(
        False, "compile each layer for training: fewer, larger kernels; about two minutes before the first update"
    )
    seed: int = _run(0, "fixes initial weights, the order of examples and dropout", least=0)
    precision: str = _run("auto", "auto: bfloat16 where the GPU has it, else float32", ("auto", "float32", "bfloat16"))
    gpu: str = _run("", "plan for a GPU of this memory, for instance 12gb; empty: the one that is here, or the CPU")
    threads: int = _run(0, "CPU threads for torch; 0: the physical cores this process may use", least=0)
    dry_run: bool = _run(False, "print the plan, and what a solver would be asked and cost, and stop")
    resume: bool = _run(True, "resume from the newest whole checkpoint in output_dir; false: start over")
    save_minutes: float = _run(15.0, "also a checkpoint after so many minutes; 0: by save_steps alone", least=0)
    logging_steps: int = _run(10, "updates between two points of the recorded loss curve", least=1)
    report_to: str = _run(
        "auto",
        "tracker beside the record; auto: trackio, on this machine alone, except for tiny backbones; wandb sends what "
        "it logs to where you are logged in (WANDB_MODE=offline: nowhere)",
        ("auto", "none", *TRACKERS),
    )

    def __post_init__(self) -> None:
        """The method's own section is there, with its defaults where it is not set; `auto` is None."""
        section = METHODS[self.method].section if self.method in METHODS else ""
        if section and getattr(self, section) is None:
            object.__setattr__(self, section, SECTIONS[section]())
        if self.gradient_checkpointing == AUTO:
            object.__setattr__(self, "gradient_checkpointing", None)

    @property
    def name(self) -> str:
        """The recipe's name as its file has it: "filtered_bc_lora"."""
        return f"{self.method}_{self.adapter}"

    @property
    def output(self) -> Path:
        return Path(self.output_dir or f"outputs/{Path(self.backbone).name}/{self.name}")


def setting_of(method: str, pair: str) -> str:
    """The setting ("ilql.td_lambda") that a "name=value" of trainer_options is today; empty: it is an option still."""
    section, name = METHODS[method].section if method in METHODS else "", pair.partition("=")[0]
    name = OLD_OPTIONS.get(name, name)
    known = [field.name for field in dataclasses.fields(SECTIONS[section])] if section else []
    return f"{section}.{name}" if name in known else ""


def check_recipe(config: RecipeConfig) -> None:
    """Refuses a recipe that contradicts itself, before torch is loaded.

    Raises:
        UserError: the first contradiction.
    """
    check_values(config)
    if config.effective_batch_size % (config.micro_batch_size or 1):
        raise UserError(
            f"effective_batch_size {config.effective_batch_size} must be a multiple of "
            f"micro_batch_size {config.micro_batch_size}"
        )
    _check_settings(config)
    if METHODS[config.method].needs_checkpoint and not config.init_from:
        raise UserError(
            f"{config.method} starts from a trained checkpoint; train bc first and name its folder with --init_from"
        )
    if not names_solver(config) and config.choose_by == "solver":
        raise UserError("--choose_by solver needs --solver openai:MODEL or transformers:PATH, or a --solver_command")
    _check_groups(config)
    if config.early_stopping and config.choose_by == "last":
        raise UserError("--early_stopping needs --choose_by fluency or solver: nothing else says what is better")
    if config.backbone == TINY and config.adapter != "full" and not config.init_from:
        raise UserError(
            "a LoRA on the random weights of a new tiny backbone learns nothing; "
            "train tiny/bc_full first and name its folder with --init_from"
        )
    if config.tiny_hidden_size % (2 * config.tiny_heads):
        raise UserError(
            f"tiny_hidden_size {config.tiny_hidden_size} must be a multiple of twice tiny_heads {config.tiny_heads}"
        )


def rewards_of(config: RecipeConfig) -> RewardSettings | None:
    """The settings of a method that asks a solver for what its samples earn; None for every other."""
    return config.grpo or config.expert_iteration


def sampling_of(config: RecipeConfig) -> SamplingSettings | None:
    """The settings of a method that learns from its own samples; None for every other."""
    return config.grpo or config.expert_iteration or config.distillation


def _check_groups(config: RecipeConfig) -> None:
    """An update holds all samples of a problem."""
    rewards = rewards_of(config)
    if rewards and config.effective_batch_size % rewards.samples_per_problem:
        raise UserError(
            f"effective_batch_size {config.effective_batch_size} must be a multiple of samples_per_problem "
            f"{rewards.samples_per_problem}: an update holds all samples of a problem"
        )


def _check_settings(config: RecipeConfig) -> None:
    """Settings stand in the method's own section, and nowhere else."""
    for section in SECTIONS:
        if getattr(config, section) and section != METHODS[config.method].section:
            raise UserError(f"{section} holds settings of other methods than {config.method}; leave it out")
    for pair in config.trainer_options:
        if setting := setting_of(config.method, pair):
            raise UserError(f"trainer_options: {pair} is a setting of its own now, --{setting}")
