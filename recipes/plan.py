"""What would this recipe need, and how long would it take? Answers before anything is downloaded.

Reads a recipe, and its dataset where that lies on this machine; prints its plan for one GPU, or for each preset where
no GPU is named. Without a recipe: which backbone each GPU can train in an evening and in a night. Nothing is written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from dataset_builder.core.errors import entry_point
from dataset_builder.door.commands import as_typed
from recipes.config.compose import parse_recipe
from recipes.config.recipe import RecipeConfig, check_recipe
from recipes.planning.estimate import GIB, DoesNotFit, plan_recipe
from recipes.planning.gpus import GPUS, USUAL, Gpu, gpu_named
from recipes.planning.lengths import Lengths
from recipes.planning.recommend import recommend

EPILOG = """\
examples:
  python -m recipes.plan                                  # which backbone for which GPU
  python -m recipes.plan --gpu 12gb                       # for this one
  python -m recipes.plan --recipe mistral-7b/bc_qlora --gpu 12gb
  python -m recipes.plan --recipe gpt2/bc_full            # all presets
  python -m recipes.plan --backbone mistral-7b --method bc --adapter lora --gpu 24gb --max_length 512

The estimate is arithmetic (recipes/planning/memory.py), within 0.95 to 1.2 of four runs on an H200; a run on a GPU
measures one micro-batch before its first step. Where dataset and tokenizer are on this machine, rows are counted.
"""


def describe_plan(config: RecipeConfig) -> str:
    """The plan for the recipe's GPU, or one line per preset.

    Raises:
        UserError: the named GPU is too small or unknown, or the backbone is not known.
    """
    check_recipe(config)
    lengths = Lengths.at_hand(config)
    here = Path(config.dataset).is_dir()
    note = "" if here else f"dataset {config.dataset} is no folder on this machine, so no row was counted\n"
    if config.gpu:
        return plan_recipe(config, gpu_named(config.gpu), lengths=lengths).text() + note
    rows = lengths or Lengths.typical(config)
    kind = "counted" if rows.exact else "estimated; a run counts its own rows first"
    lines = [f"{Path(config.backbone).name}/{config.name}, rows of {rows.mean:.0f} tokens on average ({kind})"]
    for gpu in GPUS.values():
        try:
            plan = plan_recipe(config, gpu, lengths=lengths)
        except DoesNotFit:
            lines.append(f"  {gpu.name:5} does not fit")
            continue
        size = f"{plan.tokens:7,} tokens x {plan.cut.micro_batches:4.1f}"
        need, hours = plan.memory.total / GIB, plan.seconds / 3600
        lines.append(f"  {gpu.name:5} {size}  {need:5.1f} GiB  {hours:6.1f} h  ({gpu.example})")
    return "\n".join([*lines, "estimates; a run on a GPU measures first", note])


def advise(method: str, gpus: Iterable[Gpu]) -> str:
    """Which backbone for which GPU, a line each."""
    lines = [f"{method}: the largest backbone under a free licence that is done in"]
    for gpu in gpus:
        advice = recommend(method, gpu)
        for index, item in enumerate(advice):
            name = gpu.name if index == 0 else ""
            lines.append(f"  {name:5} {item.span:10} {item.hours:5.1f} h   make train-{item.target} GPU={gpu.name}")
        if not advice:
            lines.append(f"  {gpu.name:5} nothing fits; --backbone tiny runs on any CPU")
    return "\n".join([*lines, "estimates; not measured on a GPU", ""])


def names_recipe(argv: Sequence[str]) -> bool:
    """Whether a command line says what is to be planned, and not only for which GPU or method."""
    words = {word.partition("=")[0] for word in argv if word.startswith("--")}
    return not words <= {"--gpu", "--method"}


@entry_point
def main(argv: Sequence[str] | None = None) -> int:
    config = parse_recipe(
        RecipeConfig,
        argv,
        prog="python -m recipes.plan",
        description="Estimates memory and time of a recipe on a GPU, and picks its micro-batch.",
        epilog=EPILOG,
    )
    if names_recipe(sys.argv[1:] if argv is None else argv):
        print(describe_plan(config), end="")
    else:
        gpus = [gpu_named(config.gpu)] if config.gpu else map(gpu_named, USUAL)
        print(as_typed(advise(config.method, gpus)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
