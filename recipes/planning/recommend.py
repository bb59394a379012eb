"""Which backbone for the GPU one has: the largest that it can clone an evening long, and a whole night.

    recommend("bc", gpu_named("12gb"))  -> [Advice("an evening", "qwen3-1.7b", "lora", ...), Advice("a night", ...)]

Only weights under a free licence are named. Times are those of `estimate.py`: arithmetic, not measured on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dataset_builder.core.config import build_config
from recipes.config.backbones import Backbone, backbones
from recipes.config.compose import Names, adapters_of, compose
from recipes.config.recipe import RecipeConfig
from recipes.planning.estimate import DoesNotFit, RunPlan, plan_recipe
from recipes.planning.gpus import Gpu

SPANS = {"an evening": 5.0, "a night": 12.0}
"""How long one may want to wait, in hours."""
FREE = ("apache-2.0", "mit")


@dataclass(frozen=True)
class Advice:
    """The largest backbone that is done in time."""

    span: str
    """A key of SPANS."""
    backbone: str
    """Its file's name."""
    adapter: str
    """How it is trained."""
    plan: RunPlan
    """On that GPU."""

    @property
    def target(self) -> str:
        """What make is told: "qwen3-1.7b-lora"."""
        return f"{self.backbone}-{self.adapter}"

    @property
    def hours(self) -> float:
        return self.plan.seconds / 3600


def recommend(method: str, gpu: Gpu) -> list[Advice]:
    """One piece of advice per span, unless the longer span allows nothing larger; none where nothing fits.

    Args:
        method: of `methods.METHODS`.
        gpu: where it shall run.
    """
    plans = [
        (backbone, adapter, plan)
        for backbone in backbones().values()
        if backbone.licence in FREE
        for adapter, plan in _plans(method, backbone, gpu)
    ]
    advice: list[Advice] = []
    for span, hours in SPANS.items():
        inside = [item for item in plans if item[2].seconds <= 3600 * hours]
        if inside:
            backbone, adapter, plan = max(inside, key=lambda item: (item[2].parameters, -item[2].seconds))
            if not advice or advice[-1].backbone != backbone.name:
                advice.append(Advice(span, backbone.name, adapter, plan))
    return advice


def _plans(method: str, backbone: Backbone, gpu: Gpu) -> Iterator[tuple[str, RunPlan]]:
    for adapter in adapters_of(method, backbone):
        config = build_config(RecipeConfig, compose(Names(backbone.name, method, adapter)))
        try:
            yield adapter, plan_recipe(config, gpu)
        except DoesNotFit:
            continue
