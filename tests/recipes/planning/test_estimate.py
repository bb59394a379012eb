"""Plans: the same effective batch on every GPU, the largest micro-batch that fits, a way out where nothing fits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from recipes.config.compose import Names
from recipes.config.recipe import RecipeConfig
from recipes.plan import main
from recipes.planning.estimate import plan_recipe, seconds_per_micro_batch, seconds_per_token
from recipes.planning.gpus import GPUS, Gpu, gpu_named, this_cpu
from recipes.planning.lengths import Lengths
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


def test_a_larger_gpu_never_gets_smaller_micro_batches() -> None:
    asked = recipe(QLORA, gradient_checkpointing=True)
    sizes = [plan_recipe(asked, gpu).budget.tokens for gpu in GPUS.values()]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_micro_batch_is_the_largest_that_fits() -> None:
    asked = recipe(QLORA, gradient_checkpointing=True)
    plan = plan_recipe(asked, gpu_named("12gb"))
    with pytest.raises(UserError, match=r"needs about .* --micro_batch_tokens 0 fits"):
        plan_recipe(dataclasses.replace(asked, micro_batch_tokens=2 * plan.budget.tokens), gpu_named("12gb"))


def test_a_limit_that_the_recipe_names_is_kept() -> None:
    assert plan_recipe(recipe(QLORA, micro_batch_tokens=900), gpu_named("24gb")).budget.tokens == 900
    plan = plan_recipe(recipe(QLORA, micro_batch_size=2), gpu_named("24gb"))
    assert (plan.budget.rows, plan.cut.micro_batches) == (2, 64)


def test_processes_share_the_effective_batch() -> None:
    one, four = (plan_recipe(recipe(QLORA), gpu_named("24gb"), devices=devices) for devices in (1, 4))
    assert one.effective_batch == four.effective_batch == 128
    assert four.cut.read == pytest.approx(one.cut.read / 4, rel=0.1)
    with pytest.raises(UserError, match="cannot be shared by 3 processes"):
        plan_recipe(recipe(QLORA), gpu_named("24gb"), devices=3)


def test_plan_knows_the_length_of_every_row() -> None:
    gpu, asked = gpu_named("8gb"), recipe(QLORA, gradient_checkpointing=True)
    guessed = plan_recipe(asked, gpu)
    short, long = (plan_recipe(asked, gpu, lengths=Lengths.counted([size] * 256)) for size in (60, 600))
    assert short.cut.micro_batches < guessed.cut.micro_batches < long.cut.micro_batches
    assert "estimated, 155 tokens a row" in guessed.text()
    assert "256 rows of 60 tokens on average, the longest 60" in short.text()
    assert short.cut.read == 60 * 128


def test_rows_below_max_length_leave_room_that_a_plan_uses() -> None:
    """One row of 768 tokens does not fit beside this model; rows of 300 do."""
    config, gpu = recipe(QLORA), Gpu("6.2gb", 6.2, 20, "a small one")
    with pytest.raises(UserError, match="with one row of 768 tokens"):
        plan_recipe(config, gpu)
    assert plan_recipe(config, gpu, lengths=Lengths.counted([100, 300] * 64)).cut.fullest >= 300


def test_activations_are_recomputed_where_the_memory_asks_for_it() -> None:
    rows = Lengths.counted([100, 150] * 200)
    assert plan_recipe(recipe(QLORA), gpu_named("8gb"), lengths=rows).recompute
    assert not plan_recipe(recipe(QLORA), gpu_named("80gb"), lengths=rows).recompute
    assert plan_recipe(recipe(QLORA, gradient_checkpointing=True), gpu_named("80gb"), lengths=rows).recompute


def test_a_small_model_on_a_cpu_is_cut_as_little_as_memory_allows() -> None:
    config = RecipeConfig(tiny_hidden_size=64, tiny_layers=2, tiny_heads=2)
    plan = plan_recipe(config, this_cpu(), lengths=Lengths.counted(list(range(40, 180))))
    assert plan.cut.micro_batches == 1
    assert not plan.recompute


def test_lora_too_large_for_a_gpu_is_refused_with_the_recipe_that_fits() -> None:
    with pytest.raises(UserError, match=r"12gb has 11\.5 GiB to give; --adapter qlora fits"):
        plan_recipe(recipe(Names("mistral-7b", "bc", "lora")), gpu_named("12gb"))


def test_backbone_too_large_in_any_form_is_refused_with_the_gpu_it_needs() -> None:
    with pytest.raises(UserError, match="the smallest preset it fits is 12gb"):
        plan_recipe(recipe(Names("llama-3.1-8b", "bc", "qlora")), Gpu("6gb", 6, 20, "a small one"))


def test_full_training_without_room_is_pointed_to_checkpointing_first() -> None:
    config = RecipeConfig(backbone="openai-community/gpt2-medium", max_length=768, gradient_checkpointing=False)
    with pytest.raises(UserError, match="--gradient_checkpointing true fits"):
        plan_recipe(config, gpu_named("8gb"))


def test_gpu_of_any_size_is_as_fast_as_the_next_smaller_preset() -> None:
    assert gpu_named("20gb").teraflops == GPUS["16gb"].teraflops
    for wrong in ("huge", "0gb", "-4gb"):
        with pytest.raises(UserError, match="unknown GPU"):
            gpu_named(wrong)


def test_time_counts_every_pass_over_the_weights_and_every_launch() -> None:
    config = RecipeConfig(adapter="lora", gradient_checkpointing=True)
    shape, gpu = shape_of(RecipeConfig(backbone="openai-community/gpt2")), Gpu("x", 8, 1.0, "1 teraflop")
    expected = 6 * shape.parameters / (1e12 * 0.35)
    assert seconds_per_token(config, shape, gpu) == pytest.approx(expected)
    full = dataclasses.replace(config, adapter="full", gradient_checkpointing=False)
    assert seconds_per_token(full, shape, gpu) == pytest.approx(expected)
    assert seconds_per_micro_batch(config, shape, gpu) > seconds_per_micro_batch(full, shape, gpu) > 0
    many, few = (plan_recipe(recipe(QLORA, micro_batch_size=rows), gpu_named("24gb")).seconds for rows in (2, 16))
    assert many > few


def test_tiny_backbone_has_the_shape_that_its_recipe_says() -> None:
    shape = shape_of(RecipeConfig(tiny_hidden_size=64, tiny_layers=2, tiny_heads=2))
    assert (shape.hidden, shape.layers, shape.head_size) == (64, 2, 32)


def test_plan_prints_the_gpu_it_was_asked_for_and_never_claims_a_measurement(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--recipe", "mistral-7b/bc_qlora", "--gpu", "12gb"]) == 0
    printed = capsys.readouterr().out
    assert "on 12gb (RTX 3060)" in printed
    assert "128 rows/update in " in printed
    assert "micro-batches of up to " in printed
    assert "not measured on this GPU" in printed
    assert "weights; the backbone has 7,241,732,096\n" in printed


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


def test_plan_counts_the_rows_of_a_dataset_that_is_on_this_machine(
    dataset_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--recipe", "tiny/bc_full", "--gpu", "8gb", "--dataset", str(dataset_folder)]) == 0
    assert "lengths 48 rows of " in capsys.readouterr().out
    assert main(["--recipe", "mistral-7b/bc_qlora", "--gpu", "8gb", "--dataset", str(dataset_folder)]) == 0
    assert "lengths estimated, " in capsys.readouterr().out  # its tokenizer is not here, and a plan downloads nothing


@pytest.mark.parametrize("gpu", [[], ["--gpu", "8gb"]])
def test_plan_says_that_a_dataset_is_not_here(gpu: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--recipe", "tiny/bc_full", *gpu, "--dataset", "no/such/folder"]) == 0
    assert "\ndataset no/such/folder is no folder on this machine, so no row was counted\n" in capsys.readouterr().out


def test_joined_rows_are_planned_without_padding() -> None:
    rows = [100, 150] * 64
    ways = (Lengths.counted(rows, joined=way) for way in (False, True))
    padded, joined = (plan_recipe(recipe(QLORA), gpu_named("24gb"), lengths=lengths) for lengths in ways)
    assert joined.cut.tokens == joined.cut.read == sum(rows)
    assert padded.cut.tokens >= padded.cut.read
