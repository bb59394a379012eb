"""What a recipe may say: the keys of `recipes/configs/<backbone>/<method>_<adapter>.yaml`, with defaults and help.

Reads a YAML file and the command line (which wins); an unknown key fails with the nearest valid name. Options of TRL's
`SFTConfig` that have no key of their own go through `trainer_options` as "name=value", checked against SFTConfig's own
names before anything is loaded.

    method: bc
    backbone: tiny
    adapter: full
    max_steps: 900
    learning_rate: 3e-3
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dataset_builder.core.config import option
from dataset_builder.core.errors import UserError
from recipes.config.methods import METHODS

ADAPTERS = ("full", "lora", "qlora")
TEXT_FORMATS = ("delimiters", "chat")
SWITCH = ("auto", "on", "off")
CHOICES = ("last", "fluency", "solver")
TINY = "tiny"

NOT_PART_OF_A_RUN = (
    "output_dir",
    "resume",
    "report_to",
    "needs_gpu_gib",
    "card",
    "micro_batch_size",
    "padding_free",
    "threads",
    "logging_steps",
    "save_steps",
)
"""Keys that change how a run is carried out or watched, never what it learns: they may differ when it is resumed."""


@dataclass(frozen=True)
class RecipeConfig:
    """One training run. `resolved(config)` is saved beside its output as recipe.yaml."""

    method: str = option("bc", "what is learnt, and from which rows: see recipes/README.md", tuple(METHODS))
    backbone: str = option(TINY, f"a Hub id, a local folder, or {TINY!r}: a small Llama made from scratch")
    backbone_revision: str = option("", "commit or tag of the backbone on the Hub; empty: its main branch")
    adapter: str = option("full", "which weights move: all, a LoRA, or a LoRA on 4-bit weights (qlora)", ADAPTERS)
    init_from: str = option("", "start from this checkpoint or adapter, a folder or a Hub id, not from the backbone")
    output_dir: str = option("", "folder for the checkpoint and its record (default: outputs/<backbone>/<recipe>)")

    dataset: str = option("gsm8k-ai-subq", "dataset folder or Hub id")
    dataset_revision: str = option("", "tag or commit of the dataset on the Hub; empty: the newest")
    max_examples: int = option(0, "use only the first N training examples; 0: all")
    validation_examples: int = option(256, "score the loss on up to N validation examples at the end; 0: none")

    text_format: str = option("delimiters", "delimiters for base models, chat for instruct models", TEXT_FORMATS)
    max_length: int = option(512, "longest example in tokens; a longer one stops the run before its first step")

    max_steps: int = option(1000, "optimiser updates: the budget that methods are compared at")
    effective_batch_size: int = option(32, "examples per update, over all micro-batches and devices")
    micro_batch_size: int = option(0, "examples per forward pass; 0: as many as fit the card (see recipes.plan)")
    padding_free: str = option(
        "auto", "join the rows of a micro-batch instead of padding them; auto: where FlashAttention is", SWITCH
    )
    learning_rate: float = option(1e-4, "peak learning rate of AdamW")
    lr_scheduler: str = option("constant", "constant, constant_with_warmup, linear, cosine, ...")
    warmup_steps: float = option(0.0, "updates of linear warm-up; below 1: a share of max_steps")
    weight_decay: float = option(0.0, "decoupled weight decay")
    adam_beta2: float = option(0.999, "second moment decay of Adam")
    max_grad_norm: float = option(1.0, "gradients are clipped to this norm")
    optimizer: str = option("adamw_torch", "a transformers optimiser name, for instance paged_adamw_8bit")
    seed: int = option(0, "fixes initial weights, the order of examples and dropout")

    lora_rank: int = option(16, "rank of the LoRA matrices")
    lora_alpha: int = option(32, "LoRA scale: the update is multiplied by alpha / rank")
    lora_dropout: float = option(0.0, "dropout before the LoRA matrices")
    lora_targets: list[str] = option(["all-linear"], "module names that get a LoRA, or all-linear")

    tiny_hidden_size: int = option(128, "width of the tiny backbone")
    tiny_layers: int = option(4, "layers of the tiny backbone")
    tiny_heads: int = option(4, "attention heads of the tiny backbone")
    tiny_vocabulary: int = option(4096, "most words the tiny tokenizer may hold")

    precision: str = option(
        "auto", "auto: bfloat16 where the GPU has it, else float32", ("auto", "float32", "bfloat16")
    )
    gradient_checkpointing: bool = option(False, "recompute activations: less memory, about a third more time")
    needs_gpu_gib: float = option(0.0, "GPU memory the recipe needs; checked first; 0: runs on a CPU")
    card: str = option(
        "", "plan for a card of this memory, for instance 12gb; empty: the GPU that is here, or the CPU"
    )
    threads: int = option(0, "CPU threads for torch; 0: the physical cores this process may use")

    choose_by: str = option(
        "last",
        "which checkpoint is published: the last, the one with the best solver-free text (fluency), or the one whose "
        "sub-questions a solver answers best (solver, see solver_command)",
        CHOICES,
    )
    choose_examples: int = option(64, "validation problems decomposed at each checkpoint to choose by")
    solver_command: str = option(
        "", "command that scores the JSONL file {questions}, its last line a number; see eval_harness.score_questions"
    )
    early_stopping: int = option(0, "stop after so many checkpoints without a better one; 0: never")

    resume: bool = option(True, "go on from the newest whole checkpoint in output_dir; false: start over")
    save_steps: int = option(200, "updates between two checkpoints that a killed run can go on from")
    logging_steps: int = option(10, "updates between two points of the recorded loss curve")
    report_to: str = option(
        "auto",
        "tracker beside the record; auto: trackio, offline, except for tiny backbones",
        ("auto", "none", "trackio"),
    )
    trainer_options: list[str] = option([], "further SFTConfig options, as name=value")

    @property
    def micro_batch(self) -> int:
        return self.micro_batch_size or self.effective_batch_size

    @property
    def name(self) -> str:
        """The recipe's name as its file has it: "filtered_bc_lora"."""
        return f"{self.method}_{self.adapter}"

    @property
    def output(self) -> Path:
        return Path(self.output_dir or f"outputs/{Path(self.backbone).name}/{self.name}")


def check_recipe(config: RecipeConfig) -> None:
    """Refuses a recipe that cannot mean anything, before torch is loaded.

    Raises:
        UserError: the first contradiction found.
    """
    for key in ("max_steps", "effective_batch_size", "max_length", "learning_rate", "lora_rank", "save_steps"):
        if getattr(config, key) <= 0:
            raise UserError(f"{key} must be above zero, found {getattr(config, key)}")
    if config.effective_batch_size % config.micro_batch:
        raise UserError(
            f"effective_batch_size {config.effective_batch_size} must be a multiple of "
            f"micro_batch_size {config.micro_batch}"
        )
    if METHODS[config.method].needs_checkpoint and not config.init_from:
        raise UserError(
            f"{config.method} starts from a trained checkpoint; train bc first and name its folder with --init_from"
        )
    if config.choose_by == "solver" and not config.solver_command:
        raise UserError("--choose_by solver needs --solver_command, which prints the accuracy of {questions}")
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


def split_trainer_options(options: Collection[str]) -> dict[str, str]:
    """Name -> value as text; of a name given twice the last counts.

    Raises:
        UserError: a pair without "=".
    """
    pairs = [(pair, *pair.partition("=")) for pair in options]
    if wrong := next((pair for pair, _, equals, _ in pairs if not equals), None):
        raise UserError(f"trainer_options must be name=value pairs, found {wrong!r}")
    return {name: text for _, name, _, text in pairs}


def parse_trainer_options(options: Collection[str], known: Collection[str]) -> dict[str, Any]:
    """Reads "name=value" pairs, the values as YAML; `known` holds the names SFTConfig has.

    >>> parse_trainer_options(["packing=true", "neftune_noise_alpha=5.0"], ["packing", "neftune_noise_alpha"])
    {'packing': True, 'neftune_noise_alpha': 5.0}

    Raises:
        UserError: a pair without "=", or a name SFTConfig does not have.
    """
    values = {}
    for name, text in split_trainer_options(options).items():
        if name not in known:
            close = difflib.get_close_matches(name, list(known), n=1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            raise UserError(f"trainer_options: SFTConfig has no option {name!r}{hint}")
        values[name] = yaml.safe_load(text)
    return values
