"""What a checkpoint's weights lie on, or were made from: a model of the Hub, a folder, or random numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_hub_id, is_on_hub
from recipes.config.recipe import TINY
from recipes.models.checkpoint import ADAPTER_FILE
from recipes.training.record import TrainRecord

PARTS = ("", "policy/", "value/")
"""Where a checkpoint holds adapters; the last two: of a policy guided by values (recipes/methods/ilql)."""


@dataclass(frozen=True)
class Base:
    """The base of a checkpoint."""

    hub_id: str | None
    """What others load beside an adapter, or what the weights were trained from; None: it is not on the Hub."""
    folder: str = ""
    """The name of the folder that an adapter lies on, where that base is not on the Hub."""
    origin: str | None = None
    """The pretrained model that every run of the chain goes back to; None: the weights were drawn at random."""


def find_base(checkpoint: Path, training: TrainRecord, given: str) -> Base:
    """The base, as the user names it, the adapter's configuration, or the recipe.

    Raises:
        UserError: `--base_model` is no Hub id, or the weights come from a folder and it is not given.
    """
    if given:
        if not is_hub_id(given):
            raise UserError(f"--base_model must be the base's Hub id, found {given!r}")
        return Base(given, origin=given)
    origin = training.backbone if training.backbone != TINY and is_on_hub(training.backbone) else None
    named = _adapters_base(checkpoint)
    if named and is_on_hub(named):
        return Base(named, origin=origin or named)
    if origin is None and training.backbone != TINY:
        raise UserError(f"the base model's Hub id is missing: {training.backbone!r} is a folder; give --base_model")
    # An adapter on a folder needs that folder's weights, whatever pretrained model those came from.
    return Base(None, Path(named).name, origin) if named else Base(origin, origin=origin)


def _adapters_base(checkpoint: Path) -> str:
    """What the checkpoint's adapters name as their base; empty where it holds none."""
    configs = (checkpoint / part / ADAPTER_FILE for part in PARTS)
    texts = (path.read_text(encoding="utf-8") for path in configs if path.is_file())
    return next((str(json.loads(text).get("base_model_name_or_path") or "") for text in texts), "")
