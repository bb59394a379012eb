"""What a method or a launcher cannot do is refused by its key, before anything is loaded.

Importing this file loads no torch.
"""

from __future__ import annotations

from dataset_builder.core.errors import UserError
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig
from recipes.models.sharding import weights_are_sharded


def check_support(config: RecipeConfig) -> None:
    """Refuses a recipe whose method, or whose launcher, cannot do what one of its keys asks for.

    Raises:
        UserError: the key, and what to set instead.
    """
    method = METHODS[config.method]
    if config.padding_free == "on" and not method.joins_rows:
        raise UserError(f"{config.method} pads its micro-batches; leave --padding_free at auto, or set it to off")
    if not weights_are_sharded():
        return
    if not method.shards_weights:
        raise UserError(
            f"{config.method} keeps a second model beside the one it trains and cannot shard its weights; launch it "
            "with recipes/accelerate/several_gpus.yaml, or set --adapter qlora"
        )
    if config.choose_by != "last":
        raise UserError("sharded weights cannot decompose problems between two updates; use --choose_by last")
