"""Writes tests/golden/recipes.json: every valid combination with all its keys, one line each, as it resolves today.

    python -m tests.golden.write_recipes

Run it only where a recipe is meant to change: the diff of the file is then the change, recipe by recipe.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dataset_builder.core.config import resolved
from recipes.config.compose import compose, every_recipe
from recipes.config.recipe import RecipeConfig

GOLDEN = Path(__file__).with_name("recipes.json")


def resolved_recipes() -> dict[str, dict[str, Any]]:
    """Keys of every valid combination, by name: "gpt2/bc_full"."""
    return {
        f"{names.backbone}/{names.method}_{names.adapter}": resolved(RecipeConfig(**compose(names)))
        for names in every_recipe()
    }


if __name__ == "__main__":
    recipes = sorted(resolved_recipes().items())
    lines = [f"{json.dumps(name)}: {json.dumps(keys, sort_keys=True)}" for name, keys in recipes]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
