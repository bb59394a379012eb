"""What ILQL adds to a plan: the heads that are really built, and the second text that a policy reads."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from recipes.config.recipe import RecipeConfig
from recipes.config.settings import HEAD_KINDS, TWINS, IlqlSettings
from recipes.methods.ilql.heads import ValueHeads
from recipes.planning import ilql
from recipes.planning.estimate import estimate_seconds
from recipes.planning.gpus import gpu_named
from recipes.planning.memory import estimate_memory, trained_parameters
from recipes.planning.shapes import Shape, shape_of

SMALL = Shape(hidden=32, layers=2, heads=4, kv_heads=4, head_size=8, inner=64, vocabulary=101)
MISTRAL = shape_of(RecipeConfig(backbone="mistralai/Mistral-7B-v0.1"))
QLORA = RecipeConfig(backbone="mistralai/Mistral-7B-v0.1", adapter="qlora", gradient_checkpointing=True)


@pytest.mark.parametrize("kind", HEAD_KINDS)
def test_heads_have_the_weights_that_are_built(kind: str) -> None:
    config = RecipeConfig(method="ilql_full", ilql=IlqlSettings(head_kind=kind, head_rank=8))
    heads = ValueHeads(SMALL.hidden, SMALL.vocabulary, kind, 8)
    moving = sum(weight.numel() for weight in heads.parameters() if weight.requires_grad)
    copied = sum(weight.numel() for weight in heads.target_q.parameters())
    assert ilql.value_heads(config, SMALL) == (moving, copied)


def test_heads_are_built_as_they_are_planned_where_nobody_says_otherwise() -> None:
    defaults = {name: value.default for name, value in inspect.signature(ValueHeads).parameters.items()}
    planned = IlqlSettings()
    assert (defaults["twins"], defaults["rank"], defaults["kind"]) == (TWINS, planned.head_rank, planned.head_kind)


def test_a_policy_beside_the_values_needs_another_texts_activations_and_another_adapters_state() -> None:
    plain, both = (
        dataclasses.replace(QLORA, method="ilql_full", ilql=IlqlSettings(head_kind="low_rank", policy_weight=weight))
        for weight in (0.0, 1.0)
    )
    alone, beside = (estimate_memory(config, MISTRAL, 4) for config in (plain, both))
    assert beside.activations == pytest.approx(2 * alone.activations)
    assert beside.trained > alone.trained
    adapter = MISTRAL.lora_parameters(QLORA.lora_rank)
    assert trained_parameters(both, MISTRAL) - trained_parameters(plain, MISTRAL) == adapter
    gpu = gpu_named("24gb")
    assert estimate_seconds(both, MISTRAL, gpu) == pytest.approx(2 * estimate_seconds(plain, MISTRAL, gpu))
    assert beside.weights == alone.weights


def test_heads_cost_what_their_kind_says_and_other_methods_have_none() -> None:
    cloning = estimate_memory(QLORA, MISTRAL, 1)
    small, large = (
        estimate_memory(dataclasses.replace(QLORA, method="ilql_full", ilql=IlqlSettings(head_kind=kind)), MISTRAL, 1)
        for kind in ("low_rank", "mlp")
    )
    assert ilql.value_heads(QLORA, MISTRAL) == (0, 0)
    assert cloning.weights < small.weights < large.weights
    assert large.trained > 5 * small.trained
