"""What ILQL adds to a plan: the heads that are really built, and the second text that a policy reads."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from dataset_builder.core.errors import UserError
from recipes.config.recipe import RecipeConfig
from recipes.methods.ilql import settings
from recipes.methods.ilql.heads import ValueHeads
from recipes.methods.ilql.settings import HEAD_KINDS
from recipes.methods.ilql.trainer import IlqlArguments
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
    config = RecipeConfig(method="ilql_full", trainer_options=[f"head_kind={kind}", "head_rank=8"])
    heads = ValueHeads(SMALL.hidden, SMALL.vocabulary, kind, 8)
    moving = sum(weight.numel() for weight in heads.parameters() if weight.requires_grad)
    copied = sum(weight.numel() for weight in heads.target_q.parameters())
    assert ilql.value_heads(config, SMALL) == (moving, copied)


def test_defaults_are_those_of_the_trainer() -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(IlqlArguments)}
    assert (defaults["head_kind"], defaults["policy_weight"]) == ("mlp", 0.0)
    assert (defaults["head_rank"], defaults["vocab_chunk"]) == (settings.HEAD_RANK, settings.CHUNK)
    assert inspect.signature(ValueHeads).parameters["twins"].default == settings.TWINS


def test_a_policy_beside_the_values_needs_another_texts_activations_and_another_adapters_state() -> None:
    plain, both = (
        dataclasses.replace(QLORA, method="ilql_full", trainer_options=["head_kind=low_rank", *more])
        for more in ([], ["policy_weight=1"])
    )
    alone, beside = (estimate_memory(config, MISTRAL, 4) for config in (plain, both))
    assert beside.activations == pytest.approx(2 * alone.activations)
    assert beside.trained > alone.trained
    adapter = MISTRAL.lora_parameters(QLORA.lora_rank)
    assert trained_parameters(both, MISTRAL) - trained_parameters(plain, MISTRAL) == adapter
    gpu = gpu_named("24gb")
    assert estimate_seconds(both, MISTRAL, gpu) == pytest.approx(2 * estimate_seconds(plain, MISTRAL, gpu))
    assert beside.weights == alone.weights


@pytest.mark.parametrize("option", ["head_kind=deep", "head_rank=many", "policy_weight=yes", "vocab_chunk="])
def test_an_option_that_means_nothing_is_one_line(option: str) -> None:
    with pytest.raises(UserError, match=f"trainer_options: {option.partition('=')[0]} must be"):
        estimate_memory(dataclasses.replace(QLORA, method="ilql_full", trainer_options=[option]), MISTRAL, 1)


def test_heads_cost_what_their_kind_says_and_other_methods_have_none() -> None:
    cloning = estimate_memory(QLORA, MISTRAL, 1)
    small, large = (
        estimate_memory(dataclasses.replace(QLORA, method="ilql_full", trainer_options=[kind]), MISTRAL, 1)
        for kind in ("head_kind=low_rank", "head_kind=mlp")
    )
    assert ilql.value_heads(QLORA, MISTRAL) == (0, 0)
    assert cloning.weights < small.weights < large.weights
    assert large.trained > 5 * small.trained
