"""Recipes: every YAML parses strictly, and what cannot mean anything is refused before torch is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import UserError
from recipes.config.methods import METHODS
from recipes.config.recipe import TINY, RecipeConfig, check_recipe, parse_trainer_options
from recipes.planning.estimate import smallest_need
from recipes.planning.shapes import shape_of

CONFIGS = Path(__file__).parents[3] / "recipes" / "configs"
RECIPES = sorted(CONFIGS.rglob("*.yaml"))


def parse(*argv: str) -> RecipeConfig:
    return parse_config(RecipeConfig, argv, prog="train", description="")


def test_all_recipes_are_found() -> None:
    ours = [path for path in RECIPES if path.name.startswith(("bc_", "filtered_bc_", "solver_"))]
    assert len(ours) == 60


def test_every_named_backbone_has_its_recipe() -> None:
    expected = {
        "full": {"distilgpt2", "gpt2", "gpt2-medium", "tiny"},
        "lora": {"mistral-7b", "mistral-7b-instruct", "llama-2-7b", "llama-3.1-8b", "llama-3.2-1b", "llama-3.2-3b",
                 "qwen3-0.6b", "qwen3-1.7b", "qwen3-4b", "smollm3-3b", "gemma-3-1b"},
        "qlora": {"mistral-7b", "mistral-7b-instruct", "llama-2-7b", "llama-3.1-8b", "llama-3.2-3b", "qwen3-4b",
                  "smollm3-3b"},
    }  # fmt: skip
    for adapter, backbones in expected.items():
        assert {path.parent.name for path in CONFIGS.rglob(f"bc_{adapter}.yaml")} == backbones


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_recipe_asks_for_the_memory_that_its_plan_says(path: Path) -> None:
    config = parse("--config", str(path))
    if config.adapter == "full":
        assert config.needs_gpu_gib == 0
        return
    if config.backbone == TINY:
        return
    need = smallest_need(config, shape_of(config))
    assert need <= config.needs_gpu_gib < need + 0.51


def test_methods_of_one_backbone_and_adapter_have_the_same_budget() -> None:
    for folder in CONFIGS.iterdir():
        for adapter in ("lora", "qlora"):
            paths = [path for path in folder.glob(f"*_{adapter}.yaml") if folder.name != "tiny"]
            budgets = {(c.max_steps, c.effective_batch_size) for c in (parse("--config", str(p)) for p in paths)}
            assert len(budgets) <= 1


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_recipe_parses_strictly_and_says_what_its_path_says(path: Path) -> None:
    config = parse("--config", str(path))
    check_recipe(config)
    assert config.name == path.stem
    assert config.output == Path("outputs") / path.parent.name / path.stem
    assert config.method in METHODS


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_recipe_has_a_header_with_purpose_paper_row_card_time_and_launch_command(path: Path) -> None:
    header = "".join(line for line in path.read_text(encoding="utf-8").splitlines(True) if line.startswith("#"))
    for word in ("Paper row:", "Card:", "Time:", f"recipes/configs/{path.parent.name}/{path.name}"):
        assert word in header


def test_recipes_of_one_backbone_and_paper_chain_have_the_papers_batch_and_rate() -> None:
    for backbone in ("distilgpt2", "gpt2", "gpt2-medium"):
        for path in (CONFIGS / backbone).glob("*bc_full.yaml"):
            config = parse("--config", str(path))
            assert (config.effective_batch_size, config.learning_rate, config.lr_scheduler) == (32, 1e-4, "constant")


def test_filtered_bc_starts_from_the_bc_run_of_the_same_backbone() -> None:
    for path in CONFIGS.rglob("filtered_bc_full.yaml"):
        start = Path(parse("--config", str(path)).init_from)
        assert (CONFIGS / start.relative_to("outputs")).with_suffix(".yaml").is_file()


def test_unknown_key_fails_and_names_the_nearest(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("learning_rat: 1e-4\n", encoding="utf-8")
    with pytest.raises(UserError, match="unknown key 'learning_rat', did you mean 'learning_rate'"):
        parse("--config", str(recipe))


def test_command_line_wins_over_the_file() -> None:
    config = parse("--config", str(CONFIGS / "tiny" / "bc_full.yaml"), "--max_steps", "7")
    assert config.max_steps == 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effective_batch_size": 8, "micro_batch_size": 3}, "multiple of micro_batch_size"),
        ({"max_steps": 0}, "max_steps must be above zero"),
        ({"adapter": "lora"}, "random weights"),
        ({"tiny_hidden_size": 30, "tiny_heads": 4}, "tiny_heads"),
    ],
)
def test_a_recipe_that_cannot_mean_anything_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_recipe(RecipeConfig(**changes))  # type: ignore[arg-type]


def test_trainer_option_that_sftconfig_does_not_have_is_refused() -> None:
    with pytest.raises(UserError, match="no option 'packng', did you mean 'packing'"):
        parse_trainer_options(["packng=true"], ["packing", "seed"])


def test_trainer_option_without_value_is_refused() -> None:
    with pytest.raises(UserError, match="name=value"):
        parse_trainer_options(["packing"], ["packing"])


def test_reading_a_recipe_loads_no_torch() -> None:
    code = "import sys, recipes.train; sys.exit('torch' in sys.modules or 'trl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
