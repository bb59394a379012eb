"""The shapes of the backbones that recipes name: enough to count weights and activations without a download.

Reads nothing for a named backbone, and the config.json of any other:

    Shape(hidden=4096, layers=32, heads=32, kv_heads=8, head_size=128, inner=14336, vocabulary=32000)
    -> parameters 7,241,732,096

Source: the config.json of each repository on the Hub.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recipes.config.recipe import TINY, RecipeConfig


@dataclass(frozen=True)
class Shape:
    """A decoder-only transformer as far as memory and time go."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    inner: int
    """Width of the feed-forward block."""
    vocabulary: int
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


def _gpt2(hidden: int, layers: int) -> Shape:
    return Shape(hidden, layers, hidden // 64, hidden // 64, 64, 4 * hidden, 50257, True, 1024, gated=False)


def _qwen3(hidden: int, layers: int, heads: int, inner: int) -> Shape:
    return Shape(hidden, layers, heads, 8, 128, inner, 151936, tied=True, head_norms=True)


_MISTRAL = Shape(4096, 32, 32, 8, 128, 14336, 32000)

SHAPES: dict[str, Shape] = {
    "distilbert/distilgpt2": _gpt2(768, 6),
    "openai-community/gpt2": _gpt2(768, 12),
    "openai-community/gpt2-medium": _gpt2(1024, 24),
    "mistralai/Mistral-7B-v0.1": _MISTRAL,
    "mistralai/Mistral-7B-Instruct-v0.2": _MISTRAL,
    "meta-llama/Llama-2-7b-hf": Shape(4096, 32, 32, 32, 128, 11008, 32000),
    "meta-llama/Llama-3.2-1B": Shape(2048, 16, 32, 8, 64, 8192, 128256, tied=True),
    "meta-llama/Llama-3.2-3B": Shape(3072, 28, 24, 8, 128, 8192, 128256, tied=True),
    "meta-llama/Llama-3.1-8B": Shape(4096, 32, 32, 8, 128, 14336, 128256),
    "Qwen/Qwen3-0.6B": _qwen3(1024, 28, 16, 3072),
    "Qwen/Qwen3-1.7B": _qwen3(2048, 28, 16, 6144),
    "Qwen/Qwen3-4B": _qwen3(2560, 36, 32, 9728),
    "HuggingFaceTB/SmolLM3-3B": Shape(2048, 36, 16, 4, 128, 11008, 128256, tied=True),
    "google/gemma-3-1b-it": Shape(1152, 26, 4, 1, 256, 6912, 262144, tied=True, norms=4, head_norms=True),
}


def shape_of(config: RecipeConfig) -> Shape:
    """The shape of a recipe's backbone; a backbone outside the table costs the download of its config.json.

    Raises:
        UserError: the backbone is not in the table and its config.json cannot be had.
    """
    if config.backbone == TINY and not config.init_from:
        width, heads = config.tiny_hidden_size, config.tiny_heads
        size = width // heads
        return Shape(width, config.tiny_layers, heads, heads, size, 3 * width, config.tiny_vocabulary, tied=True)
    if config.backbone in SHAPES:
        return SHAPES[config.backbone]
    return shape_from_config(_configuration(config))


def shape_from_config(found: Any) -> Shape:
    """The shape that a `transformers` configuration describes."""
    heads = found.num_attention_heads
    gated = found.model_type != "gpt2"
    size = getattr(found, "head_dim", None) or found.hidden_size // heads
    inner = getattr(found, "intermediate_size", None) or getattr(found, "n_inner", None) or 4 * found.hidden_size
    return Shape(
        hidden=found.hidden_size,
        layers=found.num_hidden_layers,
        heads=heads,
        kv_heads=getattr(found, "num_key_value_heads", None) or heads,
        head_size=size,
        inner=inner,
        vocabulary=found.vocab_size,
        tied=bool(found.tie_word_embeddings),
        positions=0 if gated else found.max_position_embeddings,
        gated=gated,
        norms=4 if "gemma" in found.model_type else 2,
        head_norms=found.model_type.startswith(("qwen3", "gemma3")),
    )


def _configuration(config: RecipeConfig) -> Any:
    from transformers import AutoConfig

    from recipes.modeling import adapter_base, from_hub, is_adapter

    source = config.backbone if config.backbone != TINY else config.init_from
    base = adapter_base(source) if is_adapter(source) else source
    return from_hub(base, lambda: AutoConfig.from_pretrained(base, revision=config.backbone_revision or None))
