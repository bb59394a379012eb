"""What a run does with its plan: refuses a machine that cannot carry it, and takes the planned micro-batch.

Reads a recipe and its examples; gives the recipe with its micro-batch decided.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.text.student_format import QUESTION_END, QUESTION_START
from recipes.config.recipe import RecipeConfig
from recipes.data.load import TrainingData
from recipes.planning.estimate import Plan, plan_recipe
from recipes.planning.gpus import Card, card_here, card_named, cpu_card
from recipes.training.processes import world_size

CHARACTERS_PER_TOKEN = (2.5, 4.2)
"""At worst (rows full of numbers), and on average, for the tokenizers of the backbones named here."""
TOKENS_PER_DELIMITER = 5
CONFIGS = Path(__file__).parents[1] / "configs"


def check_gpu(config: RecipeConfig) -> None:
    """Says at once, in one line, what a recipe needs and this machine lacks, and where else it could run.

    Raises:
        UserError: no GPU, or one with too little memory.
    """
    if not config.needs_gpu_gib:
        return
    here = card_here()
    if here is not None and here.memory_gib >= config.needs_gpu_gib:
        return
    has = f"the largest GPU here has {here.memory_gib:.0f} GiB" if here else "this machine has no GPU torch can use"
    path, target = recipe_path(config), f"{config.output.parent.name}-{config.adapter}"
    method = "" if config.method == "bc" else f" METHOD={config.method}"
    raise UserError(
        f"{config.backbone} {config.name} needs a GPU with about {config.needs_gpu_gib:g} GiB, and {has}; "
        f"plan it for a card: python -m recipes.plan --config {path} --card 24gb; "
        f"rent one as a Hugging Face Job: make train-{target}{method} JOBS=a10g-large; "
        "recipes/configs/tiny runs on any CPU, and --needs_gpu_gib 0 tries all the same"
    )


def recipe_path(config: RecipeConfig) -> str:
    """The YAML file a recipe came from, as its output folder tells."""
    path = CONFIGS / config.output.parent.name / f"{config.name}.yaml"
    return str(path.relative_to(CONFIGS.parents[1])) if path.is_file() else "YOUR.yaml"


def card_for(config: RecipeConfig) -> Card:
    """The card a recipe is planned for: the one it names, the GPU that is here, or the CPU."""
    return card_named(config.card) if config.card else card_here() or cpu_card()


def plan_run(config: RecipeConfig, data: TrainingData) -> Plan:
    """The plan of a run on these examples and this machine.

    Raises:
        UserError: it cannot fit.
    """
    longest, mean = token_lengths(data)
    return plan_recipe(config, card_for(config), devices=world_size(), longest=longest, mean_tokens=mean)


def with_plan(config: RecipeConfig, plan: Plan) -> RecipeConfig:
    """The recipe with its micro-batch as planned."""
    return dataclasses.replace(config, micro_batch_size=plan.micro_batch)


def token_lengths(data: TrainingData) -> tuple[int, float]:
    """(longest, mean) row in tokens, guessed from characters before any tokenizer is loaded; never too short."""
    texts = [[value for value in values if isinstance(value, str)] for values in data.train.values()]
    rows = ["".join(parts) for parts in zip(*(column for column in texts if len(column) == data.count), strict=True)]
    if not rows:
        return 0, 0.0
    worst, usual = CHARACTERS_PER_TOKEN
    extra = [TOKENS_PER_DELIMITER * (row.count(QUESTION_START) + row.count(QUESTION_END)) for row in rows]
    longest = max(len(row) / worst + more for row, more in zip(rows, extra, strict=True))
    return math.ceil(longest) + 1, sum(map(len, rows)) / len(rows) / usual + sum(extra) / len(rows)
