"""Memory: activation coefficients are counted again from the tensors autograd keeps; what shrinks, shrinks."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen3Config

from recipes.config.recipe import RecipeConfig
from recipes.config.settings import HEAD_KINDS, TWINS, GrpoSettings, IlqlSettings
from recipes.config.solver import SOLVER_ROWS
from recipes.methods.ilql.heads import ValueHeads
from recipes.models.trainable import add_lora
from recipes.planning.estimate import seconds_per_token
from recipes.planning.gpus import gpu_named
from recipes.planning.memory import ANSWER_TOKENS, GIB, estimate_memory, models_beside, trained_parameters, value_heads
from recipes.planning.shapes import Shape, shape_beside, shape_from_config, shape_of

COMMON: dict[str, Any] = {"vocab_size": 100, "hidden_size": 256, "num_attention_heads": 4, "head_dim": 64}
FAMILIES = {
    "llama": lambda layers: LlamaConfig(
        **COMMON, intermediate_size=768, num_key_value_heads=2, num_hidden_layers=layers
    ),
    "qwen3": lambda layers: Qwen3Config(
        **COMMON, intermediate_size=768, num_key_value_heads=2, num_hidden_layers=layers
    ),
    "gpt2": lambda layers: GPT2Config(
        vocab_size=100, n_embd=256, n_layer=layers, n_head=4, attn_pdrop=0.0, bos_token_id=None, eos_token_id=None
    ),
}
TOKENS = (128, 256)
SMALL = Shape(hidden=32, layers=2, heads=4, kv_heads=4, head_size=8, inner=64, vocabulary=101)
MISTRAL = shape_of(RecipeConfig(backbone="mistralai/Mistral-7B-v0.1"))
QLORA = RecipeConfig(backbone="mistralai/Mistral-7B-v0.1", adapter="qlora", gradient_checkpointing=True)


def kept_bytes(model: Any, tokens: int, half: bool) -> int:
    """Bytes of all tensors kept for the backward pass that are no weights."""
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, tuple[int, Any]] = {}  # the tensor is held, or its address would be used again

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    base = model.get_base_model() if hasattr(model, "peft_config") else model
    cast = torch.autocast("cpu", torch.bfloat16) if half else contextlib.nullcontext()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), cast:
        base.base_model(input_ids=torch.randint(0, 100, (1, tokens)))
    return sum(size for size, _ in kept.values())


def counted(family: str, adapter: str, half: bool, dropout: float) -> float:
    """Bytes per token and layer: what one more layer and one more token cost."""
    result = []
    for layers in (1, 2):
        model: Any = AutoModelForCausalLM.from_config(FAMILIES[family](layers))
        if adapter == "lora":
            model = model.to(torch.bfloat16) if half else model
            model = add_lora(model, RecipeConfig(adapter="lora", lora_dropout=dropout, lora_rank=4))
            model.enable_input_require_grads()
        short, long = (kept_bytes(model.train(), tokens, half) for tokens in TOKENS)
        result.append((long - short) / (TOKENS[1] - TOKENS[0]))
    return result[1] - result[0]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("adapter", "half", "dropout"),
    [("full", False, 0.0), ("full", True, 0.0), ("lora", False, 0.0), ("lora", True, 0.0), ("lora", True, 0.05)],
)
def test_activations_of_a_layer_are_what_autograd_keeps(family: str, adapter: str, half: bool, dropout: float) -> None:
    config = RecipeConfig(adapter=adapter, lora_dropout=dropout)
    layer = shape_from_config(FAMILIES[family](1))
    per_token = estimate_memory(config, layer, 1, on_gpu=half).activations
    assert per_token == pytest.approx(counted(family, adapter, half, dropout), rel=0.2)


LORA = RecipeConfig(backbone="mistralai/Mistral-7B-v0.1", adapter="lora", max_length=512, gradient_checkpointing=True)


def need(config: RecipeConfig, shape: Shape = MISTRAL, rows: int = 1) -> float:
    return estimate_memory(config, shape, rows * config.max_length).total / GIB


def test_headline_recipes_are_planned_within_the_memory_they_promise() -> None:
    qlora = dataclasses.replace(LORA, adapter="qlora", optimizer="paged_adamw_8bit")
    assert need(qlora) < 8
    assert need(LORA, rows=4) < 20


def test_a_solver_in_this_process_is_planned_for_with_its_cache_and_an_endpoint_is_not(tmp_path: Path) -> None:
    rewarded = dataclasses.replace(LORA, method="grpo", init_from="outputs/bc", grpo=GrpoSettings(kl=0.0))
    asked = {name: dataclasses.replace(rewarded, solver=name) for name in ("openai:m", "transformers:Qwen/Qwen3-0.6B")}
    away, here = (estimate_memory(config, MISTRAL, 512) for config in asked.values())
    qwen = shape_of(RecipeConfig(backbone="Qwen/Qwen3-0.6B"))
    assert here.weights - away.weights == 2 * qwen.parameters
    assert here.activations == 2 * 2 * qwen.layers * qwen.kv_heads * qwen.head_size * SOLVER_ROWS * ANSWER_TOKENS
    both = dataclasses.replace(asked["transformers:Qwen/Qwen3-0.6B"], choose_by="solver")
    assert models_beside(both) == ["Qwen/Qwen3-0.6B"]
    named_only = dataclasses.replace(LORA, solver="transformers:Qwen/Qwen3-0.6B")
    assert models_beside(named_only) == []
    LlamaConfig(**COMMON, num_hidden_layers=3).save_pretrained(tmp_path)
    assert shape_beside(str(tmp_path), MISTRAL).layers == 3
    assert shape_beside("nobody/knows-it", MISTRAL) == MISTRAL


def test_a_lora_in_half_precision_has_float32_masters_beside_it() -> None:
    half, single = (estimate_memory(LORA, MISTRAL, 512, on_gpu=on_gpu).trained for on_gpu in (True, False))
    assert (half - single) / GIB == pytest.approx(0.08, abs=0.005)


@pytest.mark.parametrize(
    "smaller",
    [
        {"adapter": "qlora"},
        {"max_length": 256},
        {"lora_rank": 4},
        {"optimizer": "adamw_8bit"},
    ],
)
def test_what_saves_memory_lowers_the_estimate(smaller: dict[str, Any]) -> None:
    assert need(dataclasses.replace(LORA, **smaller)) < need(LORA)


def test_gradient_checkpointing_and_smaller_micro_batches_lower_the_estimate() -> None:
    assert need(LORA) < need(dataclasses.replace(LORA, gradient_checkpointing=False))
    assert need(LORA, rows=1) < need(LORA, rows=2) < need(LORA, rows=8)


@pytest.mark.parametrize("kind", HEAD_KINDS)
def test_heads_have_the_weights_that_are_built(kind: str) -> None:
    config = RecipeConfig(method="ilql_full", ilql=IlqlSettings(head_kind=kind, head_rank=8))
    heads = ValueHeads(SMALL.hidden, SMALL.vocabulary, kind, 8)
    moving = sum(weight.numel() for weight in heads.parameters() if weight.requires_grad)
    copied = sum(weight.numel() for weight in heads.target_q.parameters())
    assert value_heads(config, SMALL) == (moving, copied)


def test_heads_are_built_as_they_are_planned_where_nobody_says_otherwise() -> None:
    defaults = {name: value.default for name, value in inspect.signature(ValueHeads).parameters.items()}
    planned = IlqlSettings()
    assert (defaults["twins"], defaults["rank"], defaults["kind"]) == (TWINS, planned.head_rank, planned.head_kind)


def test_a_policy_beside_the_values_needs_another_texts_activations_and_another_adapters_state() -> None:
    plain, both = (
        dataclasses.replace(QLORA, method="ilql_full", ilql=IlqlSettings(head_kind="low_rank", policy_weight=weight))
        for weight in (0.0, 1.0)
    )
    alone, beside = (estimate_memory(config, MISTRAL, 2048) for config in (plain, both))
    streams = 2 * MISTRAL.layers * MISTRAL.hidden * 2048  # of the checkpoints; one layer at a time is there whole
    assert beside.activations - alone.activations == pytest.approx(streams)
    kept = [dataclasses.replace(config, gradient_checkpointing=False) for config in (plain, both)]
    alone_kept, beside_kept = (estimate_memory(config, MISTRAL, 2048).activations for config in kept)
    assert beside_kept == pytest.approx(2 * alone_kept)
    assert beside.trained > alone.trained
    adapter = MISTRAL.lora_parameters(QLORA.lora_rank)
    assert trained_parameters(both, MISTRAL) - trained_parameters(plain, MISTRAL) == adapter
    gpu = gpu_named("24gb")
    assert seconds_per_token(both, MISTRAL, gpu) == pytest.approx(2 * seconds_per_token(plain, MISTRAL, gpu))
    assert beside.weights == alone.weights


def test_a_frozen_policy_of_its_own_counts_only_where_checkpoints_are_decoded_with_it() -> None:
    late = RecipeConfig(method="ilql_full", adapter="full", ilql=IlqlSettings(), choose_by="last")
    early = dataclasses.replace(late, choose_by="fluency")
    moving = dataclasses.replace(late, ilql=IlqlSettings(policy_weight=1.0))
    without, decoded, trained = (estimate_memory(config, SMALL, 512).weights for config in (late, early, moving))
    assert decoded - without == trained - without == 4 * SMALL.parameters


def test_heads_cost_what_their_kind_says_and_other_methods_have_none() -> None:
    cloning = estimate_memory(QLORA, MISTRAL, 512)
    small, large = (
        estimate_memory(
            dataclasses.replace(QLORA, method="ilql_full", ilql=IlqlSettings(head_kind=kind)), MISTRAL, 512
        )
        for kind in ("low_rank", "mlp")
    )
    assert value_heads(QLORA, MISTRAL) == (0, 0)
    assert cloning.weights < small.weights < large.weights
    assert large.trained > 5 * small.trained
