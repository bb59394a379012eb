"""What would this recipe need, and how long would it take? Answers before anything is downloaded.

Reads a recipe; prints its plan for one GPU, or for each preset where no GPU is named. Nothing is written.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.errors import entry_point
from recipes.config.compose import parse_recipe
from recipes.config.recipe import RecipeConfig, check_recipe
from recipes.planning.estimate import GIB, DoesNotFit, plan_recipe
from recipes.planning.gpus import GPUS, gpu_named

EPILOG = """\
examples:
  python -m recipes.plan --recipe mistral-7b/bc_qlora --gpu 12gb
  python -m recipes.plan --recipe gpt2/bc_full            # all presets
  python -m recipes.plan --backbone mistral-7b --method bc --adapter lora --gpu 24gb --max_length 512

The estimate is arithmetic (recipes/planning/memory.py); it has been checked on a CPU and is not measured on a GPU.
"""


def describe_plan(config: RecipeConfig) -> str:
    """The plan for the recipe's GPU, or one line per preset.

    Raises:
        UserError: the named GPU is too small or unknown, or the backbone is not known.
    """
    check_recipe(config)
    if config.gpu:
        return plan_recipe(config, gpu_named(config.gpu)).text()
    lines = [f"{Path(config.backbone).name}/{config.name}, rows of {config.max_length} tokens"]
    for gpu in GPUS.values():
        try:
            plan = plan_recipe(config, gpu)
        except DoesNotFit:
            lines.append(f"  {gpu.name:5} does not fit")
            continue
        size = f"{plan.tokens:7,} tokens x {plan.cut.micro_batches:4.1f}"
        need, hours = plan.memory.total / GIB, plan.seconds / 3600
        lines.append(f"  {gpu.name:5} {size}  {need:5.1f} GiB  {hours:6.1f} h  ({gpu.example})")
    return "\n".join([*lines, "estimates; not measured on a GPU", ""])


@entry_point
def main(argv: Sequence[str] | None = None) -> int:
    config = parse_recipe(
        RecipeConfig,
        argv,
        prog="python -m recipes.plan",
        description="Estimates memory and time of a recipe on a GPU, and picks its micro-batch.",
        epilog=EPILOG,
    )
    print(describe_plan(config), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
