"""Plans: the same effective batch on every GPU, the largest micro-batch that fits, a way out where nothing fits."""

from __future__ import annotations

import dataclasses

import pytest

from dataset_builder.core.errors import UserError
from recipes.config.compose import Names
from recipes.config.recipe import RecipeConfig
from recipes.data.load import TrainingData
from recipes.plan import main
from recipes.planning.estimate import estimate_seconds, plan_recipe
from recipes.planning.gpus import GPUS, Gpu, gpu_named
from recipes.planning.preflight import token_lengths
from recipes.planning.shapes import shape_of
from tests.golden.write_recipes import recipe_of

QLORA = Names("mistral-7b", "bc", "qlora")


def recipe(names: Names, **changes: object) -> RecipeConfig:
    return recipe_of(names, **changes)


def test_no_adapter_is_suggested_that_the_backbone_is_not_trained_with() -> None:
    with pytest.raises(UserError) as error:
        plan_recipe(recipe(Names("gemma-3-1b", "bc", "lora")), Gpu("3gb", 3, 20, "a small one"))
    assert "qlora" not in str(error.value)


@pytest.mark.parametrize("gpu", ["8gb", "12gb", "16gb", "24gb"])
def test_headline_qlora_fits_every_preset_at_the_same_effective_batch(gpu: str) -> None:
    plan = plan_recipe(recipe(QLORA), gpu_named(gpu))
    assert plan.effective_batch == 128
    assert plan.memory.total <= plan.gpu.usable_gib * 2**30


def test_a_larger_gpu_never_gets_a_smaller_micro_batch() -> None:
    sizes = [plan_recipe(recipe(QLORA), gpu).micro_batch for gpu in GPUS.values()]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_micro_batch_is_the_largest_that_fits() -> None:
    plan = plan_recipe(recipe(QLORA), gpu_named("12gb"))
    with pytest.raises(UserError, match="needs about"):
        plan_recipe(recipe(QLORA, micro_batch_size=2 * plan.micro_batch), gpu_named("12gb"))


def test_a_micro_batch_that_the_recipe_names_is_kept() -> None:
    assert plan_recipe(recipe(QLORA, micro_batch_size=2), gpu_named("24gb")).micro_batch == 2


def test_processes_share_the_effective_batch() -> None:
    plan = plan_recipe(recipe(QLORA), gpu_named("24gb"), devices=4)
    assert plan.effective_batch == 128
    assert plan.micro_batch * plan.accumulation == 32
    with pytest.raises(UserError, match="cannot be shared by 3 processes"):
        plan_recipe(recipe(QLORA), gpu_named("24gb"), devices=3)


def test_lora_too_large_for_a_gpu_is_refused_with_the_recipe_that_fits() -> None:
    with pytest.raises(UserError, match=r"12gb has 11\.5 GiB to give; --adapter qlora fits"):
        plan_recipe(recipe(Names("mistral-7b", "bc", "lora")), gpu_named("12gb"))


def test_backbone_too_large_in_any_form_is_refused_with_the_gpu_it_needs() -> None:
    with pytest.raises(UserError, match="the smallest preset it fits is 12gb"):
        plan_recipe(recipe(Names("llama-3.1-8b", "bc", "qlora")), Gpu("6gb", 6, 20, "a small one"))


def test_full_training_without_room_is_pointed_to_checkpointing_first() -> None:
    config = RecipeConfig(backbone="openai-community/gpt2-medium", max_length=768)
    with pytest.raises(UserError, match="--gradient_checkpointing true fits"):
        plan_recipe(config, gpu_named("8gb"))


def test_gpu_of_any_size_is_as_fast_as_the_next_smaller_preset() -> None:
    assert gpu_named("20gb").teraflops == GPUS["16gb"].teraflops
    for wrong in ("huge", "0gb", "-4gb"):
        with pytest.raises(UserError, match="unknown GPU"):
            gpu_named(wrong)


def test_time_counts_every_pass_over_the_weights() -> None:
    config = RecipeConfig(adapter="lora", max_steps=10, effective_batch_size=4, gradient_checkpointing=True)
    shape, gpu = shape_of(RecipeConfig(backbone="openai-community/gpt2")), Gpu("x", 8, 1.0, "1 teraflop")
    expected = 6 * shape.parameters * 100 * 4 * 10 / (1e12 * 0.35)
    assert estimate_seconds(config, shape, gpu, 100) == pytest.approx(expected)
    full = dataclasses.replace(config, adapter="full", gradient_checkpointing=False)
    assert estimate_seconds(full, shape, gpu, 100) == pytest.approx(expected)


def test_lengths_guessed_from_characters_are_never_too_short() -> None:
    rows = {"prompt": ["a" * 500, "b" * 10], "completion": [" <QUE> " + "7" * 100 + " </QUE>", ""]}
    longest, mean = token_lengths(TrainingData(rows, {}, 0, {}))
    assert longest >= (500 + 114) / 2.5
    assert 0 < mean < longest
    steps = {"prompt": ["a" * 50], "steps": [["x"]], "final_reward": [1.0]}
    assert token_lengths(TrainingData(steps, {}, 0, {}))[0] >= 20


def test_tiny_backbone_has_the_shape_that_its_recipe_says() -> None:
    shape = shape_of(RecipeConfig(tiny_hidden_size=64, tiny_layers=2, tiny_heads=2))
    assert (shape.hidden, shape.layers, shape.head_size) == (64, 2, 32)


def test_plan_prints_the_gpu_it_was_asked_for_and_never_claims_a_measurement(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--recipe", "mistral-7b/bc_qlora", "--gpu", "12gb"]) == 0
    printed = capsys.readouterr().out
    assert "on 12gb (RTX 3060)" in printed
    assert "= 128 rows/update" in printed
    assert "not measured on a GPU" in printed


def test_gpu_too_small_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--recipe", "mistral-7b/bc_lora", "--gpu", "8gb"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: Mistral-7B-v0.1/bc_lora needs about")
    assert error.count("\n") == 1


def test_plan_without_a_gpu_shows_every_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--recipe", "mistral-7b/bc_qlora"]) == 0
    printed = capsys.readouterr().out
    assert all(f"  {gpu} " in printed for gpu in GPUS)


def test_plan_of_a_backbone_that_is_not_there_says_so_and_not_that_it_does_not_fit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--recipe", "llama-3.2-1b/bc_lora", "--backbone", "no/such/folder"]) == 2
    assert "no checkpoint no/such/folder" in capsys.readouterr().err
