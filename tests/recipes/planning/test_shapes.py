"""Shapes: they count the weights that the published models have, and those that transformers makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, MistralConfig, Qwen3Config, SmolLM3Config
from transformers.models.gemma3 import Gemma3TextConfig

from dataset_builder.core.errors import UserError
from recipes.config.backbones import backbones
from recipes.config.recipe import RecipeConfig
from recipes.planning.shapes import shape_from_config, shape_of

# As each repository on the Hub states them beside its safetensors.
PUBLISHED = {
    "distilbert/distilgpt2": 81_912_576,
    "openai-community/gpt2": 124_439_808,
    "openai-community/gpt2-medium": 354_823_168,
    "mistralai/Mistral-7B-v0.1": 7_241_732_096,
    "mistralai/Mistral-7B-Instruct-v0.2": 7_241_732_096,
    "meta-llama/Llama-2-7b-hf": 6_738_415_616,
    "meta-llama/Llama-3.2-1B": 1_235_814_400,
    "meta-llama/Llama-3.2-3B": 3_212_749_824,
    "meta-llama/Llama-3.1-8B": 8_030_261_248,
    "Qwen/Qwen3-0.6B": 596_049_920,
    "Qwen/Qwen3-1.7B": 1_720_574_976,
    "Qwen/Qwen3-4B": 4_022_468_096,
    "HuggingFaceTB/SmolLM2-135M-Instruct": 134_515_008,
    "HuggingFaceTB/SmolLM3-3B": 3_075_098_624,
    "google/gemma-3-1b-it": 999_885_952,
}
SMALL: dict[str, Any] = {
    "vocab_size": 96, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0,
}  # fmt: skip
NO_ENDS: dict[str, Any] = {"bos_token_id": None, "eos_token_id": None}
FAMILIES = {
    "llama": LlamaConfig(**SMALL, tie_word_embeddings=False),
    "llama, tied": LlamaConfig(**SMALL, tie_word_embeddings=True),
    "mistral": MistralConfig(**SMALL),
    "qwen3": Qwen3Config(**SMALL, head_dim=16, tie_word_embeddings=True),
    "smollm3": SmolLM3Config(**SMALL, tie_word_embeddings=True),
    "gemma3": Gemma3TextConfig(**SMALL, head_dim=16, tie_word_embeddings=True),
    "gpt2": GPT2Config(vocab_size=96, n_embd=48, n_layer=3, n_head=4, n_positions=64, **NO_ENDS),
}


def test_every_shape_counts_the_published_weights() -> None:
    named = [backbone.hub_id for backbone in backbones().values() if backbone.family != "tiny"]
    assert {name: shape_of(RecipeConfig(backbone=name)).parameters for name in named} == PUBLISHED


@pytest.mark.parametrize("family", FAMILIES)
def test_shape_of_a_configuration_counts_the_weights_that_transformers_makes(family: str) -> None:
    config = FAMILIES[family]
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert shape_from_config(config).parameters == model.num_parameters()


def test_lora_on_all_linear_maps_is_counted(tmp_path: Path) -> None:
    from recipes.models.trainable import add_lora

    for family in ("llama", "gpt2"):
        model = add_lora(AutoModelForCausalLM.from_config(FAMILIES[family]), RecipeConfig(adapter="lora", lora_rank=4))
        moving = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
        assert shape_from_config(FAMILIES[family]).lora_parameters(4) == moving


def test_backbone_that_cannot_be_read_is_one_line() -> None:
    with pytest.raises(UserError, match="cannot load nobody/nothing"):
        shape_of(RecipeConfig(backbone="nobody/nothing"))
