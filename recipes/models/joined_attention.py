"""Attention inside each of several rows that stand joined in one, on torch alone: no padding, no dense mask.

    use_joined_attention(model)     # then batches with `cu_seq_lens_q` (TRL's padding-free collator) need no mask

On a GPU torch's own variable-length kernel does it in one launch; elsewhere, or with attention dropout, each row is
one call of scaled_dot_product_attention. Whatever is not joined (padded validation rows, decoding) is sdpa's business.

Source: torch.nn.attention.varlen; transformers' AttentionInterface and AttentionMaskInterface.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, functional
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from recipes.models.load import backbone_of
from recipes.models.types import CausalLM

NAME = "joined"
LARGEST_HEAD = 256
"""That torch's kernel takes."""


def use_joined_attention(model: CausalLM) -> None:
    """Sets the attention of a causal LM, or of the one under its adapters."""
    AttentionInterface.register(NAME, joined_attention)
    AttentionMaskInterface.register(NAME, _mask)
    backbone_of(model).set_attn_implementation(NAME)


def joined_attention(
    module: Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Causal attention of every joined row. Shapes: query (1, H, T, D), key, value (1, K, T, D) -> (1, T, H, D).

    Args:
        module: the attention layer.
        query: of all rows, one after the other.
        key: likewise, perhaps of fewer heads.
        value: likewise.
        attention_mask: None for joined rows.
        options: as transformers has them; `cu_seq_lens_q` says where rows begin and end, `max_length_q` the longest.
    """
    ends, longest = options.get("cu_seq_lens_q"), options.get("max_length_q")
    if ends is None or longest is None or attention_mask is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    window = options.get("sliding_window")
    window = window if window and window < longest else None
    dropout, scale = options.get("dropout", 0.0), options.get("scaling")
    if _kernel_takes(query, dropout):
        from torch.nn.attention.varlen import varlen_attn

        q, k, v = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
        sizes = (-1 if window is None else window - 1, 0)
        grouped = query.shape[1] != key.shape[1]
        out: Any = varlen_attn(
            q, k, v, ends, ends, longest, longest, scale=scale, window_size=sizes, enable_gqa=grouped
        )
        return out[None], None
    spans = pairwise(ends.tolist())
    rows = [
        _attend(query[:, :, a:b], key[:, :, a:b], value[:, :, a:b], window, dropout=dropout, scale=scale)
        for a, b in spans
    ]
    return torch.cat(rows, dim=2).transpose(1, 2), None


def _kernel_takes(query: Tensor, dropout: float) -> bool:
    half = query.dtype in (torch.bfloat16, torch.float16)
    return query.is_cuda and half and dropout == 0 and query.shape[-1] <= LARGEST_HEAD


def _attend(
    query: Tensor, key: Tensor, value: Tensor, window: int | None, *, dropout: float, scale: float | None
) -> Tensor:
    length = query.shape[2]
    band = None
    if window is not None and window < length:
        band = torch.ones(length, length, dtype=torch.bool, device=query.device).tril().triu(1 - window)
    return functional.scaled_dot_product_attention(
        query,
        key,
        value,
        band,
        dropout,
        is_causal=band is None,
        scale=scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )


def _mask(*, attention_mask: Tensor | None = None, **options: Any) -> Tensor | None:
    """None for joined rows, which come without a mask; sdpa's for all others."""
    return None if attention_mask is None else sdpa_mask(attention_mask=attention_mask, **options)
