"""The rows of the offline RL benchmark: one experiment file each, with one budget of updates for all.

Reads recipes/experiments/offline_rl/<row>.yaml. Every method starts from the same cloned checkpoint of its seed and
gets the same number of further updates at the same batch size; `bc` resumes cloning. Learning rates are each method's
own, as is usual for it.
"""

from __future__ import annotations

from pathlib import Path

from recipes.config.compose import parse_recipe
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig

EXPERIMENTS = Path(__file__).parents[3] / "recipes" / "experiments" / "offline_rl"
ROWS = (
    "bc",
    "filtered_bc",
    "reward_weighted_bc",
    "resampled_bc",
    "dpo",
    "kto",
    "ilql_sparse",
    "ilql_full",
    "ilql_shaped",
    "ilql_full, sets drawn",
    "ilql_full, frozen policy",
    "ilql_full, frozen, one step",
    "ilql_full, frozen, published",
)
CARRIED_OUT = (
    "--micro_batch_size", "16", "--threads", "1", "--save_steps", "10000", "--logging_steps", "50",
    "--validation_examples", "0",
)  # fmt: skip
"""How each run is carried out on a core of its own; nothing of it changes what is learnt."""


def file_name(row: str) -> str:
    """A row's name as files have it: "ilql_full-sets_drawn"."""
    return row.replace(", ", "-").replace(" ", "_")


def start_recipe(folder: Path, dataset: Path, seed: int, updates: int | None = None) -> RecipeConfig:
    """The cloned checkpoint that all methods of a seed start from; `updates`: other than its file says."""
    return _recipe("start", folder, dataset, seed, updates)


def row_recipe(row: str, folder: Path, dataset: Path, seed: int, updates: int | None = None) -> RecipeConfig:
    """A row's own run; `updates`: other than its file says."""
    return _recipe(row, folder, dataset, seed, updates, "--init_from", str(folder / "start"))


def is_guided(recipe: RecipeConfig) -> bool:
    """Decodes with values, so that beta is chosen on the validation problems."""
    return METHODS[recipe.method].trains_values


def _recipe(row: str, folder: Path, dataset: Path, seed: int, updates: int | None, *more: str) -> RecipeConfig:
    name = file_name(row)
    argv = ["--config", str(EXPERIMENTS / f"{name}.yaml"), *CARRIED_OUT, *more]
    argv += ["--dataset", str(dataset), "--seed", str(seed), "--output_dir", str(folder / name)]
    if updates:
        argv += ["--max_steps", str(updates)]
    return parse_recipe(RecipeConfig, argv, prog="", description="")
