"""Decoding with values: log pi + beta (Q - V) inside plain `generate`, with KV cache, batches, sampling and beams.

`GuidedModel` holds the BC policy and the value model and looks to `generate` like any causal LM: its logits are the
policy's log-probabilities, shifted by the advantage of each token. Only the policy's likeliest tokens are in the
running (`top_k`, `min_ratio`): values are learnt on what the data show, so elsewhere they mean nothing, and a few
columns of the Q heads are all that is computed.

Source: arXiv 2206.11871, section 4.4 (decoding); Fujimoto et al., arXiv 1910.01708 (tokens whose probability relative
to the best is below a threshold are out: `min_ratio`).
Differences: 1. a KV cache for policy and trunk (the published loop recomputes both for each token), same tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from recipes.methods.ilql.heads import ValueHeads
from recipes.methods.ilql.value_model import POLICY_ADAPTER, VALUE_ADAPTER, decoder, in_head_precision


@dataclass(frozen=True)
class Decoding:
    """How values guide the policy."""

    beta: float = 1.0
    """Weight of the advantage; 0 is the BC policy itself."""
    top_k: int = 32
    """Only the policy's k likeliest tokens; 0: all."""
    min_ratio: float = 0.0
    """Only tokens whose probability is at least this share of the likeliest's."""


def guide(log_pi: Tensor, advantage: Tensor, decoding: Decoding) -> Tensor:
    """log pi + beta (Q - V) of the tokens in the running, minus infinity for the others.

    Shapes: log_pi, advantage (B, K), over the same tokens -> (B, K).
    """
    scores = log_pi + decoding.beta * advantage
    if decoding.min_ratio == 0:
        return scores
    floor = log_pi.amax(-1, keepdim=True) + math.log(decoding.min_ratio)
    return scores.masked_fill(log_pi < floor, -math.inf)


class PairedCache(DynamicCache):
    """The policy's key-value cache with the value trunk's beside it: what happens to one happens to the other."""

    def __init__(self, config: Any) -> None:
        super().__init__(config=config)
        self.value = DynamicCache(config=config)

    def reorder_cache(self, beam_idx: Any) -> None:
        super().reorder_cache(beam_idx)
        self.value.reorder_cache(beam_idx)

    def crop(self, tokens_to_remove: int) -> None:
        super().crop(tokens_to_remove)
        self.value.crop(tokens_to_remove)

    def batch_repeat_interleave(self, repeats: int) -> None:
        super().batch_repeat_interleave(repeats)
        self.value.batch_repeat_interleave(repeats)

    def batch_select_indices(self, indices: Tensor) -> None:
        super().batch_select_indices(indices)
        self.value.batch_select_indices(indices)


class GuidedModel(PreTrainedModel, GenerationMixin):
    """A policy guided by values; `policy is trunk` where both are adapters of one base."""

    main_input_name = "input_ids"
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(self, policy: Any, trunk: Any, heads: ValueHeads, decoding: Decoding) -> None:
        super().__init__(policy.config)
        self.policy = policy
        self.trunk = trunk if trunk is not policy else None
        self.heads = heads
        self.decoding = decoding
        self.generation_config = policy.generation_config

    @property
    def device(self) -> torch.device:
        return torch.device(self.policy.device)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: PairedCache | None = None,
        use_cache: bool | None = None,
        **_: Any,
    ) -> CausalLMOutputWithPast:
        """The guided logits of the token after the last. Shapes: input_ids (B, T) -> logits (B, 1, V)."""
        shared = {"attention_mask": attention_mask, "position_ids": position_ids, "use_cache": use_cache}
        value_cache = None if past_key_values is None else past_key_values.value
        with self._speaks(POLICY_ADAPTER):
            output = self.policy(input_ids=input_ids, past_key_values=past_key_values, logits_to_keep=1, **shared)
        with self._speaks(VALUE_ADAPTER):
            trunk = self.policy if self.trunk is None else self.trunk
            states = decoder(trunk)(input_ids=input_ids, past_key_values=value_cache, **shared).last_hidden_state[
                :, -1
            ]
        logits = self._guided(output.logits[:, -1].float(), in_head_precision(states, self.heads))
        return CausalLMOutputWithPast(logits=logits[:, None], past_key_values=past_key_values)

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """Plain `generate`; caches policy and value trunk unless `use_cache` is false."""
        asked = kwargs.get("use_cache", getattr(kwargs.get("generation_config"), "use_cache", True))
        if asked is not False and kwargs.get("past_key_values") is None:
            kwargs["past_key_values"] = PairedCache(self.config.get_text_config(decoder=True))
        return GenerationMixin.generate(self, *args, **kwargs)  # type: ignore[arg-type]

    def save_pretrained(self, save_directory: Any, *_: Any, **__: Any) -> None:
        """Writes the folder that `saving.load_guided` reads."""
        from recipes.methods.ilql.saving import save_guided

        save_guided(self, Path(save_directory))

    def _guided(self, logits: Tensor, states: Tensor) -> Tensor:
        log_pi = logits.log_softmax(-1)
        if not self.decoding.top_k or self.decoding.top_k >= log_pi.shape[-1]:
            return guide(log_pi, self.heads.advantage(states), self.decoding)
        likeliest, tokens = log_pi.topk(self.decoding.top_k)
        scores = guide(likeliest, self.heads.advantage(states, tokens), self.decoding)
        return torch.full_like(log_pi, -math.inf).scatter_(-1, tokens, scores)

    @contextmanager
    def _speaks(self, adapter: str) -> Iterator[None]:
        """Where policy and trunk share a base: sets its adapter, or none where the policy is the bare base."""
        if self.trunk is not None:
            yield
        elif adapter in self.policy.peft_config:
            self.policy.set_adapter(adapter)
            yield
        else:
            with self.policy.disable_adapter():
                yield
