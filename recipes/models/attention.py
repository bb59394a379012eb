"""How rows of one micro-batch share a forward pass: padded to the longest, or joined into one padding-free row.

Joined rows keep apart through their positions: each starts at 0 again, and attention stays inside a row. With
FlashAttention that costs nothing; without, the joined row has a dense mask, so that grouping rows of like length and
padding them is cheaper. Both give the same loss.
"""

from __future__ import annotations

from recipes.config.recipe import RecipeConfig

FLASH = "flash_attention_2"


def attention_implementation(on_gpu: bool) -> str:
    """FlashAttention where it is installed and a GPU runs it, else torch's own."""
    from transformers.utils import is_flash_attn_2_available

    return FLASH if on_gpu and is_flash_attn_2_available() else "sdpa"


def uses_padding_free(config: RecipeConfig) -> bool:
    """Whether a recipe's micro-batches are padding-free."""
    import torch

    if config.padding_free != "auto":
        return config.padding_free == "on"
    return torch.cuda.is_available() and attention_implementation(on_gpu=True) == FLASH
