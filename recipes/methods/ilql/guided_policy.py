"""Decoding with values: log pi + beta (Q - V) inside plain `generate`, with KV cache, batches, sampling and beams.

`GuidedModel` holds the BC policy and the value model and looks to `generate` like any causal LM: its logits are the
policy's log-probabilities, shifted by the advantage of each token. Only the policy's likeliest tokens are
candidates (`top_k`, `min_ratio`): values are learnt on what the data show, so elsewhere they mean nothing, and a few
columns of the Q heads are all that is computed.

Reads and writes the folder of a guided policy, whose `value/` and `policy/` are ordinary PEFT or transformers folders:

    config.json             {"model_type": "ilql", "adapter": "lora", "beta": 1.0, "top_k": 32, "heads": {...}, ...}
    heads.safetensors       V and Q heads (the target copies are training's business)
    value/                  the value trunk: a LoRA adapter, or all its weights
    policy/                 the BC policy, the same way; absent where it is the adapters' bare base
    tokenizer.json ...      written by `recipes.train`

Source: arXiv 2206.11871, section 4.4 (decoding); Fujimoto et al., arXiv 1910.01708 (tokens whose probability relative
to the best is below a threshold are out: `min_ratio`).
Differences: 1. a KV cache for policy and trunk (the published loop recomputes both for each token), same tokens.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import DynamicCache, GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers.generation.utils import GenerateOutput
from transformers.modeling_outputs import CausalLMOutputWithPast

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_json
from recipes.methods.ilql.heads import ValueHeads
from recipes.methods.ilql.settings import HEADS_FILE, Decoding
from recipes.methods.ilql.value_model import (
    POLICY_ADAPTER,
    VALUE_ADAPTER,
    decoder,
    in_head_precision,
    load_policy_adapter,
)
from recipes.models.checkpoint import is_adapter
from recipes.models.load import cast_adapters, load_adapter, load_backbone
from recipes.models.types import CausalLM

CONFIG_FILE = "config.json"
MODEL_TYPE = "ilql"
POLICY, VALUE = "policy", "value"


def guide(log_pi: Tensor, advantage: Tensor, decoding: Decoding) -> Tensor:
    """log pi + beta (Q - V) of the candidate tokens, minus infinity for the others.

    Shapes: log_pi, advantage (B, K), over the same tokens -> (B, K).
    """
    scores = log_pi + decoding.beta * advantage
    if decoding.min_ratio == 0:
        return scores
    floor = log_pi.amax(-1, keepdim=True) + math.log(decoding.min_ratio)
    return scores.masked_fill(log_pi < floor, -math.inf)


class PairedCache(DynamicCache):
    """The policy's key-value cache with the value trunk's beside it: what happens to one happens to the other."""

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config=config)
        self.value = DynamicCache(config=config)

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
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

    def __init__(self, policy: CausalLM, trunk: CausalLM, heads: ValueHeads, decoding: Decoding) -> None:
        super().__init__(policy.config)
        self.policy: CausalLM = policy
        self.trunk: CausalLM | None = trunk if trunk is not policy else None
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
        **_: object,
    ) -> CausalLMOutputWithPast:
        """The guided logits of the token after the last. Shapes: input_ids (B, T) -> logits (B, 1, V)."""
        shared = {"attention_mask": attention_mask, "position_ids": position_ids, "use_cache": use_cache}
        value_cache = None if past_key_values is None else past_key_values.value
        with self._active_adapter(POLICY_ADAPTER):
            output = self.policy(input_ids=input_ids, past_key_values=past_key_values, logits_to_keep=1, **shared)
        with self._active_adapter(VALUE_ADAPTER):
            trunk = self.policy if self.trunk is None else self.trunk
            states = decoder(trunk)(input_ids=input_ids, past_key_values=value_cache, **shared).last_hidden_state[
                :, -1
            ]
        logits = self._guided(output.logits[:, -1].float(), in_head_precision(states, self.heads))
        return CausalLMOutputWithPast(logits=logits[:, None], past_key_values=past_key_values)

    def generate(self, inputs: Tensor | None = None, **kwargs: Any) -> GenerateOutput | torch.LongTensor:  # type: ignore[override]
        """Plain `generate`; caches policy and value trunk unless `use_cache` is false."""
        asked = kwargs.get("use_cache", getattr(kwargs.get("generation_config"), "use_cache", True))
        if asked is not False and kwargs.get("past_key_values") is None:
            kwargs["past_key_values"] = PairedCache(self.config.get_text_config(decoder=True))
        return GenerationMixin.generate(self, inputs, **kwargs)  # type: ignore[arg-type]

    def save_pretrained(self, save_directory: str | Path, *_: object, **__: object) -> None:  # type: ignore[override]
        """Writes policy, values and decoding: the folder that `load_guided` reads."""
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        if self.trunk is None:
            _save_adapters(cast("PeftModel", self.policy), folder)
        else:
            self.policy.save_pretrained(str(folder / POLICY))
            self.trunk.save_pretrained(str(folder / VALUE))
        heads = {name: value.contiguous() for name, value in self.heads.state_dict().items() if "target_" not in name}
        save_file(heads, folder / HEADS_FILE)
        values = {
            "model_type": MODEL_TYPE,
            "architectures": [type(self).__name__],
            "adapter": "full" if self.trunk is not None else "lora",
            **dataclasses.asdict(self.decoding),
            "heads": self.heads.shape,
        }
        write_json(folder / CONFIG_FILE, values)

    def with_beta(self, beta: float) -> GuidedModel:
        """The same weights under another beta."""
        trunk, decoding = self.trunk or self.policy, dataclasses.replace(self.decoding, beta=beta)
        return GuidedModel(self.policy, trunk, self.heads, decoding).eval()

    def _guided(self, logits: Tensor, states: Tensor) -> Tensor:
        log_pi = logits.log_softmax(-1)
        if not self.decoding.top_k or self.decoding.top_k >= log_pi.shape[-1]:
            return guide(log_pi, self.heads.advantage(states), self.decoding)
        likeliest, tokens = log_pi.topk(self.decoding.top_k)
        scores = guide(likeliest, self.heads.advantage(states, tokens), self.decoding)
        return torch.full_like(log_pi, -math.inf).scatter_(-1, tokens, scores)

    @contextmanager
    def _active_adapter(self, adapter: str) -> Iterator[None]:
        """Where policy and trunk share a base: sets its adapter, or none where the policy is the bare base."""
        if self.trunk is not None:
            yield
            return
        policy = cast("PeftModel", self.policy)
        if adapter in policy.peft_config:
            policy.set_adapter(adapter)
            yield
        else:
            with policy.disable_adapter():
                yield


def write_beta(folder: Path, beta: float) -> None:
    """Replaces the beta that the policy of `folder` decodes with; its weights stay."""
    write_json(folder / CONFIG_FILE, _read_config(folder) | {"beta": beta})


def load_guided(path: str, dtype: torch.dtype, device: str, *, four_bit: bool = False) -> GuidedModel:
    """The guided policy of a folder, ready to decode.

    Args:
        path: the folder.
        dtype: precision of policy and trunk; values are computed in float32.
        device: where to.
        four_bit: load the shared base in NF4.

    Raises:
        UserError: the folder is damaged, or the adapters' base is missing.
    """
    folder = Path(path)
    values = _read_config(folder)
    trunk, policy = _load_trunk_and_policy(folder, values["adapter"], dtype, device, four_bit)
    heads = ValueHeads(**values["heads"]).to(device)
    try:
        heads.load_state_dict(load_file(folder / HEADS_FILE, device=device), strict=False)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise UserError(f"{folder / HEADS_FILE} is damaged ({error}); train or download again") from error
    decoding = Decoding(**{field.name: values[field.name] for field in dataclasses.fields(Decoding)})
    return GuidedModel(policy, trunk, heads, decoding)


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        if values["model_type"] != MODEL_TYPE:
            raise UserError(f"{folder / CONFIG_FILE} is of a {values['model_type']!r} model, not of {MODEL_TYPE!r}")
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder / CONFIG_FILE} is missing or damaged ({error}); train or download again") from error
    return values


def _load_trunk_and_policy(
    folder: Path, adapter: str, dtype: torch.dtype, device: str, four_bit: bool
) -> tuple[CausalLM, CausalLM]:
    value, policy = str(folder / VALUE), str(folder / POLICY)
    if adapter == "full":
        load = functools.partial(load_backbone, dtype=dtype, device=device, four_bit=four_bit)
        return load(value).eval(), load(policy).eval()
    trunk = load_adapter(value, dtype, device=device, four_bit=four_bit)
    if is_adapter(policy):
        load_policy_adapter(trunk, policy)
        cast_adapters(trunk, dtype)
    return trunk.eval(), trunk


def _save_adapters(model: PeftModel, folder: Path) -> None:
    """Both adapters as folders of their own (PEFT puts all but "default" one level deeper)."""
    model.save_pretrained(str(folder / VALUE), selected_adapters=[VALUE_ADAPTER])
    if POLICY_ADAPTER in model.peft_config:
        model.save_pretrained(str(folder), selected_adapters=[POLICY_ADAPTER])
    for card in folder.glob("*/README.md"):  # PEFT's unfilled card; `model_cards` writes ours
        card.unlink()
