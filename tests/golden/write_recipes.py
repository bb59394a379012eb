"""Writes tests/golden/recipes.json and the tables in recipes/configs/README.md, as recipes resolve today.

    python -m tests.golden.write_recipes

The golden file holds all keys with their defaults, and for every valid combination, one line each, the keys that
differ from them. Run this only where a recipe is meant to change: its diff is then the change, recipe by recipe.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset_builder.core.config import build_config, resolved
from dataset_builder.core.errors import UserError
from dataset_builder.core.markdown import draw_table
from eval_harness.reporting.markers import put_between_markers
from recipes.config.backbones import Backbone, backbones
from recipes.config.compose import Names, adapters_of, compose
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig
from recipes.planning.estimate import plan_recipe, smallest_need
from recipes.planning.gpus import USUAL, Gpu, gpu_named
from recipes.planning.recommend import recommend
from recipes.planning.shapes import shape_of

GOLDEN = Path(__file__).with_name("recipes.json")
README = Path(__file__).parents[2] / "recipes" / "configs" / "README.md"
GPUS_SHOWN = tuple(gpu_named(name) for name in USUAL)


def every_recipe() -> Iterator[Names]:
    """All combinations that are valid."""
    for backbone in backbones().values():
        for method in METHODS:
            for adapter in adapters_of(method, backbone):
                yield Names(backbone.name, method, adapter)


def recipe_of(names: Names, **changes: Any) -> RecipeConfig:
    """The composed recipe, with some keys changed."""
    return dataclasses.replace(build_config(RecipeConfig, compose(names)), **changes)


def golden_recipes() -> dict[str, dict[str, Any]]:
    """The defaults of all keys, and what each valid combination ("gpt2/bc_full") has instead."""
    defaults = resolved(RecipeConfig())
    return {"defaults": defaults} | {
        f"{names.backbone}/{names.method}_{names.adapter}": _differing(compose(names), defaults)
        for names in every_recipe()
    }


def _differing(keys: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    whole = resolved(build_config(RecipeConfig, keys))
    return {key: value for key, value in whole.items() if value != defaults[key]}


def backbone_table() -> str:
    """Each backbone and adapter: GiB with one row at a time, and micro-batch x accumulation by GPU."""
    head = ["backbone", "Hub id", "text", "adapter", "planned", *(gpu.name for gpu in GPUS_SHOWN)]
    rows = [
        _row(backbone, adapter, adapter == backbone.adapters[0])
        for backbone in sorted(backbones().values(), key=lambda item: item.family)
        if backbone.shape
        for adapter in backbone.adapters
    ]
    return draw_table(head, rows)


def advice_table() -> str:
    """What to train on the GPU one has, in an evening and in a night."""
    rows = [
        [gpu.name, gpu.example, item.span, f"{item.hours:.1f}", f"`make train-{item.target} GPU={gpu.name}`"]
        for gpu in GPUS_SHOWN
        for item in recommend("bc", gpu)
    ]
    return draw_table(["GPU", "for instance", "in", "hours", "command"], rows)


def _row(backbone: Backbone, adapter: str, first: bool) -> list[str]:
    config = recipe_of(Names(backbone.name, "bc", adapter))
    about = [f"`{backbone.name}`", f"`{backbone.hub_id}`", config.text_format] if first else ["", "", ""]
    need = smallest_need(config, shape_of(config))
    return [*about, adapter, f"{need:.1f}", *(_fit(config, gpu) for gpu in GPUS_SHOWN)]


def _fit(config: RecipeConfig, gpu: Gpu) -> str:
    try:
        plan = plan_recipe(config, gpu)
    except UserError:
        return "-"
    return f"{plan.tokens:,} x {plan.cut.micro_batches:.0f}"


if __name__ == "__main__":
    recipes = golden_recipes().items()
    lines = [f"{json.dumps(name)}: {json.dumps(keys, sort_keys=True)}" for name, keys in recipes]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    put_between_markers(README, "backbones", backbone_table())
    put_between_markers(README, "advice", advice_table())
