"""What ILQL adds to a run beside the values' trunk: value heads, their target copies, and the policy.

value_heads(config, shape)   -> (158_035_107, 156_852_386) for GPT-2 small: what moves, and its slow copies
trains_policy(config)        -> True where a second text per row goes through the layers
"""

from __future__ import annotations

from recipes.config.recipe import RecipeConfig
from recipes.config.settings import TWINS
from recipes.planning.shapes import Shape


def trains_policy(config: RecipeConfig) -> bool:
    """Whether an ILQL recipe trains the policy beside the values."""
    return config.ilql is not None and config.ilql.policy_weight > 0


def value_heads(config: RecipeConfig, shape: Shape) -> tuple[int, int]:
    """(weights of V and the Q heads, weights of the Q heads' target copies), all float32; none for other methods."""
    if config.ilql is None:
        return 0, 0
    hidden, words = shape.hidden, shape.vocabulary
    wide, rank = 2 * hidden, config.ilql.head_rank
    into = {"mlp": (hidden + 1) * wide, "low_rank": hidden * rank, "linear": 0}
    width = {"mlp": wide, "low_rank": rank, "linear": hidden}
    kind = config.ilql.head_kind
    q = TWINS * (into[kind] + (width[kind] + 1) * words)
    return (hidden + 1) * wide + wide + 1 + q, q
