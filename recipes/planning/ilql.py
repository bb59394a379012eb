"""What ILQL adds to a run beside the values' trunk: value heads, their target copies, and the policy.

    value_heads(config, shape)   -> (158_035_107, 156_852_386) for GPT-2 small: what moves, and its slow copies
    trains_policy(config)        -> True where a second text per row goes through the layers

Reads a recipe's `trainer_options`, without torch.
"""

from __future__ import annotations

from dataset_builder.core.errors import UserError
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig, split_trainer_options
from recipes.methods.ilql.settings import CHUNK, HEAD_RANK, TWINS
from recipes.planning.shapes import Shape


def trains_policy(config: RecipeConfig) -> bool:
    """Whether an ILQL recipe trains the policy beside the values."""
    return METHODS[config.method].trains_values and _number(config, "policy_weight", 0) > 0


def value_heads(config: RecipeConfig, shape: Shape) -> tuple[int, int]:
    """(weights of V and the Q heads, weights of the Q heads' target copies), all float32; none for other methods.

    Raises:
        UserError: `trainer_options` names no kind of head.
    """
    if not METHODS[config.method].trains_values:
        return 0, 0
    hidden, words = shape.hidden, shape.vocabulary
    wide, rank = 2 * hidden, int(_number(config, "head_rank", HEAD_RANK))
    into = {"mlp": (hidden + 1) * wide, "low_rank": hidden * rank, "linear": 0}
    width = {"mlp": wide, "low_rank": rank, "linear": hidden}
    kind = _option(config, "head_kind", "mlp")
    if kind not in width:
        raise UserError(f"trainer_options: head_kind must be one of {', '.join(width)}, found {kind!r}")
    q = TWINS * (into[kind] + (width[kind] + 1) * words)
    return (hidden + 1) * wide + wide + 1 + q, q


def chunk(config: RecipeConfig) -> int:
    """Actions whose scores over the vocabulary are held at once."""
    return int(_number(config, "vocab_chunk", CHUNK))


def _number(config: RecipeConfig, name: str, default: float) -> float:
    text = _option(config, name, str(default))
    try:
        return float(text)
    except ValueError:
        raise UserError(f"trainer_options: {name} must be a number, found {text!r}") from None


def _option(config: RecipeConfig, name: str, default: str) -> str:
    return split_trainer_options(config.trainer_options).get(name, default)
