"""Writes tests/golden/recipes.json: every recipe with all its keys, one line each, as it resolves today.

    python -m tests.golden.write_recipes

Run it only where a recipe is meant to change: the diff of the file is then the change, recipe by recipe.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dataset_builder.core.config import parse_config, resolved
from recipes.config.recipe import RecipeConfig

CONFIGS = Path(__file__).parents[2] / "recipes" / "configs"
GOLDEN = Path(__file__).with_name("recipes.json")


def every_recipe() -> dict[str, dict[str, Any]]:
    """ "gpt2/bc_full" -> its keys."""
    return {
        f"{path.parent.name}/{path.stem}": resolved(
            parse_config(RecipeConfig, ["--config", str(path)], prog="", description="")
        )
        for path in sorted(CONFIGS.glob("*/*.yaml"))
    }


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(keys, sort_keys=True)}" for name, keys in every_recipe().items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
