"""Plans: the same effective batch on every card, the largest micro-batch that fits, a way out where nothing fits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import UserError
from recipes.config.recipe import RecipeConfig
from recipes.data.load import TrainingData
from recipes.plan import main
from recipes.planning.estimate import estimate_seconds, plan_recipe
from recipes.planning.gpus import CARDS, Card, card_named
from recipes.planning.preflight import token_lengths, with_plan
from recipes.planning.shapes import SHAPES, shape_of

CONFIGS = Path(__file__).parents[3] / "recipes" / "configs"
QLORA = CONFIGS / "mistral-7b" / "bc_qlora.yaml"


def recipe(path: Path, **changes: object) -> RecipeConfig:
    config = parse_config(RecipeConfig, ["--config", str(path)], prog="", description="")
    return dataclasses.replace(config, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("card", ["8gb", "12gb", "16gb", "24gb"])
def test_headline_qlora_fits_every_preset_at_the_same_effective_batch(card: str) -> None:
    plan = plan_recipe(recipe(QLORA), card_named(card))
    assert plan.effective_batch == 128
    assert plan.memory.total <= plan.card.usable_gib * 2**30


def test_a_larger_card_never_gets_a_smaller_micro_batch() -> None:
    sizes = [plan_recipe(recipe(QLORA), card).micro_batch for card in CARDS.values()]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_micro_batch_is_the_largest_that_fits() -> None:
    plan = plan_recipe(recipe(QLORA), card_named("12gb"))
    with pytest.raises(UserError, match="needs about"):
        plan_recipe(recipe(QLORA, micro_batch_size=2 * plan.micro_batch), card_named("12gb"))


def test_a_micro_batch_that_the_recipe_names_is_taken() -> None:
    assert plan_recipe(recipe(QLORA, micro_batch_size=2), card_named("24gb")).micro_batch == 2


def test_processes_share_the_effective_batch() -> None:
    plan = plan_recipe(recipe(QLORA), card_named("24gb"), devices=4)
    assert plan.effective_batch == 128
    assert plan.micro_batch * plan.accumulation == 32
    with pytest.raises(UserError, match="cannot be shared by 3 processes"):
        plan_recipe(recipe(QLORA), card_named("24gb"), devices=3)


def test_lora_too_large_for_a_card_is_refused_with_the_recipe_that_fits() -> None:
    with pytest.raises(UserError, match=r"12gb has 11\.5 GiB to give; the recipe bc_qlora fits"):
        plan_recipe(recipe(CONFIGS / "mistral-7b" / "bc_lora.yaml"), card_named("12gb"))


def test_backbone_too_large_in_any_form_is_refused_with_the_card_it_needs() -> None:
    with pytest.raises(UserError, match="the smallest preset it fits is 12gb"):
        plan_recipe(recipe(CONFIGS / "llama-3.1-8b" / "bc_qlora.yaml"), Card("6gb", 6, 20, "a small one"))


def test_full_training_without_room_is_pointed_to_checkpointing_first() -> None:
    config = RecipeConfig(backbone="openai-community/gpt2-medium", max_length=768)
    with pytest.raises(UserError, match="--gradient_checkpointing true fits"):
        plan_recipe(config, card_named("8gb"))


def test_card_of_any_size_is_as_fast_as_the_next_smaller_preset() -> None:
    assert card_named("20gb").teraflops == CARDS["16gb"].teraflops
    for wrong in ("huge", "0gb", "-4gb"):
        with pytest.raises(UserError, match="unknown card"):
            card_named(wrong)


def test_time_counts_every_pass_over_the_weights() -> None:
    config = RecipeConfig(adapter="lora", max_steps=10, effective_batch_size=4, gradient_checkpointing=True)
    shape, card = SHAPES["openai-community/gpt2"], Card("x", 8, 1.0, "1 teraflop")
    expected = 6 * shape.parameters * 100 * 4 * 10 / (1e12 * 0.35)
    assert estimate_seconds(config, shape, card, 100) == pytest.approx(expected)
    full = dataclasses.replace(config, adapter="full", gradient_checkpointing=False)
    assert estimate_seconds(full, shape, card, 100) == pytest.approx(expected)


def test_lengths_guessed_from_characters_are_never_too_short() -> None:
    rows = {"prompt": ["a" * 500, "b" * 10], "completion": [" <QUE> " + "7" * 100 + " </QUE>", ""]}
    longest, mean = token_lengths(TrainingData(rows, {}, 0, {}))
    assert longest >= (500 + 114) / 2.5
    assert 0 < mean < longest
    steps = {"prompt": ["a" * 50], "steps": [["x"]], "final_reward": [1.0]}
    assert token_lengths(TrainingData(steps, {}, 0, {}))[0] >= 20


def test_a_planned_recipe_differs_in_its_micro_batch_alone() -> None:
    config = recipe(QLORA)
    planned = with_plan(config, plan_recipe(config, card_named("8gb")))
    assert dataclasses.replace(planned, micro_batch_size=0) == config
    assert planned.micro_batch_size > 0


def test_tiny_backbone_has_the_shape_that_its_recipe_says() -> None:
    shape = shape_of(RecipeConfig(tiny_hidden_size=64, tiny_layers=2, tiny_heads=2))
    assert (shape.hidden, shape.layers, shape.head_size) == (64, 2, 32)


def test_plan_prints_the_card_it_was_asked_for_and_never_claims_a_measurement(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--config", str(QLORA), "--card", "12gb"]) == 0
    printed = capsys.readouterr().out
    assert "on 12gb (RTX 3060)" in printed
    assert "= 128 rows/update" in printed
    assert "not measured on a GPU" in printed


def test_card_too_small_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(CONFIGS / "mistral-7b" / "bc_lora.yaml"), "--card", "8gb"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: Mistral-7B-v0.1/bc_lora needs about")
    assert error.count("\n") == 1


def test_plan_without_a_card_shows_every_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(QLORA)]) == 0
    printed = capsys.readouterr().out
    assert all(f"  {card} " in printed for card in CARDS)
