"""The shape of a backbone: enough to count weights and activations without a download.

Reads the `shape` of its file in recipes/configs/backbones, and the config.json of any other:

    Shape(hidden=4096, layers=32, heads=32, kv_heads=8, head_size=128, inner=14336, vocabulary=32000)
    -> parameters 7,241,732,096

Source: the config.json of each repository on the Hub.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recipes.config.backbones import find_backbone
from recipes.config.recipe import TINY, RecipeConfig
from recipes.models.checkpoint import adapter_base, is_adapter
from recipes.models.load import from_hub

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


@dataclass(frozen=True)
class Shape:
    """A decoder-only transformer as far as memory and time go."""

    hidden: int
    """Width of the hidden states."""
    layers: int
    """Transformer blocks."""
    heads: int
    """Query heads."""
    kv_heads: int
    """Key and value heads."""
    head_size: int
    """Width of one head."""
    inner: int
    """Width of the feed-forward block."""
    vocabulary: int
    """Rows of the embedding."""
    tied: bool = False
    """Input and output embedding are one matrix."""
    positions: int = 0
    """Learnt positions; 0: rotary."""
    gated: bool = True
    """Three matrices in the feed-forward block; GPT-2 has two, with biases everywhere."""
    norms: int = 2
    """Norms of hidden width per layer."""
    head_norms: bool = False
    """Queries and keys are normed, too."""

    @property
    def linears(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of the linear maps of one layer: those that a LoRA targets and 4 bit packs."""
        attention, cached = self.heads * self.head_size, self.kv_heads * self.head_size
        if not self.gated:
            fused = [(self.hidden, 3 * self.hidden), (self.hidden, self.hidden)]
            return [*fused, (self.hidden, self.inner), (self.inner, self.hidden)]
        heads = [(self.hidden, attention), (self.hidden, cached), (self.hidden, cached), (attention, self.hidden)]
        return [*heads, (self.hidden, self.inner), (self.hidden, self.inner), (self.inner, self.hidden)]

    @property
    def linear_parameters(self) -> int:
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linears)

    @property
    def embedding_parameters(self) -> int:
        return self.vocabulary * self.hidden * (1 if self.tied else 2) + self.positions * self.hidden

    @property
    def parameters(self) -> int:
        per_norm = self.hidden if self.gated else 2 * self.hidden
        small = self.norms * per_norm + (2 * self.head_size if self.head_norms else 0)
        biases = 0 if self.gated else sum(outputs for _, outputs in self.linears)
        return self.embedding_parameters + self.linear_parameters + self.layers * (small + biases) + per_norm

    def lora_parameters(self, rank: int) -> int:
        """Of a LoRA on every linear map."""
        return self.layers * rank * sum(inputs + outputs for inputs, outputs in self.linears)


def shape_of(config: RecipeConfig) -> Shape:
    """The shape of a recipe's backbone; a backbone without a file costs the download of its config.json.

    Raises:
        UserError: the backbone has no file and its config.json cannot be had.
    """
    if config.backbone == TINY and not config.init_from:
        width, heads = config.tiny_hidden_size, config.tiny_heads
        size = width // heads
        return Shape(width, config.tiny_layers, heads, heads, size, 3 * width, config.tiny_vocabulary, tied=True)
    known = find_backbone(config.backbone)
    if known and known.shape:
        return Shape(**known.shape)
    from transformers import AutoConfig

    source = config.backbone if config.backbone != TINY else config.init_from
    base = adapter_base(source) if is_adapter(source) else source
    return shape_from_config(
        from_hub(base, lambda: AutoConfig.from_pretrained(base, revision=config.backbone_revision or None))
    )


@functools.cache
def shape_beside(source: str, student: Shape) -> Shape:
    """The shape of a model that is loaded beside the student, a teacher or a solver.

    A plan downloads nothing: one that is neither in a folder nor a backbone here is taken to be as large.
    """
    known = find_backbone(source)
    if known and known.shape:
        return Shape(**known.shape)
    base = adapter_base(source) if is_adapter(source) else source
    if not (Path(base) / "config.json").is_file():
        return shape_beside(base, student) if base != source else student
    from transformers import AutoConfig

    return shape_from_config(from_hub(base, lambda: AutoConfig.from_pretrained(base)))


def shape_from_config(config: PreTrainedConfig) -> Shape:
    """The shape that a `transformers` configuration describes."""
    heads = config.num_attention_heads
    gated = config.model_type != "gpt2"
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    inner = getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * config.hidden_size
    return Shape(
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=heads,
        kv_heads=getattr(config, "num_key_value_heads", None) or heads,
        head_size=size,
        inner=inner,
        vocabulary=config.vocab_size,
        tied=bool(config.tie_word_embeddings),
        positions=0 if gated else config.max_position_embeddings,
        gated=gated,
        norms=4 if "gemma" in config.model_type else 2,
        head_norms=config.model_type.startswith(("qwen3", "gemma3")),
    )
