"""Composing: every valid combination is as the golden file has it, each key has one owner, and errors are one line."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from dataset_builder.core.config import fields_of, resolved, save_resolved
from dataset_builder.core.errors import UserError
from recipes.config.backbones import CONFIGS, backbones, find_backbone
from recipes.config.compose import Names, compose, owned_keys, parse_recipe
from recipes.config.methods import METHODS
from recipes.config.recipe import ADAPTERS, AXES, TINY, RecipeConfig, check_recipe
from recipes.config.settings import IlqlSettings
from tests.golden.write_recipes import (
    GOLDEN,
    README,
    advice_table,
    backbone_table,
    every_recipe,
    golden_recipes,
    recipe_of,
)


def parse(*argv: str | Path) -> RecipeConfig:
    return parse_recipe(RecipeConfig, [str(word) for word in argv], prog="train", description="")


def write(folder: Path, text: str) -> Path:
    path = folder / "experiment.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_combination_resolves_to_the_golden_file_and_none_is_missing() -> None:
    golden, created = json.loads(GOLDEN.read_text(encoding="utf-8")), golden_recipes()
    assert sorted(created) == sorted(golden)
    assert {name: keys for name, keys in created.items() if keys != golden[name]} == {}


def test_the_combinations_are_counted() -> None:
    families = Counter(find_backbone(names.backbone).family for names in every_recipe())  # type: ignore[union-attr]
    # 11 methods on 3 GPT-2s with 2 adapters; 16 methods on 20 pairs of an LLM and an adapter; 16 on tiny, one of
    # them with two
    assert families == {"gpt2": 3 * 11 * 2, "llm": 16 * 20, "tiny": 17}


LLMS_FOR_A_CPU = {"smollm2-135m-instruct"}
"""Small enough to be fine-tuned without a GPU, on fewer rows an update."""


def test_there_is_one_file_for_each_backbone_method_and_adapter() -> None:
    assert {path.stem for path in (CONFIGS / "methods").iterdir()} == set(METHODS)
    assert {path.stem for path in (CONFIGS / "adapters").iterdir()} == set(ADAPTERS)
    assert len(backbones()) == 16


@pytest.mark.parametrize(
    "names", list(every_recipe()), ids=lambda names: f"{names.backbone}/{names.method}_{names.adapter}"
)
def test_every_combination_is_whole_and_named_by_its_folder(names: Names) -> None:
    config = recipe_of(names)
    check_recipe(config)
    assert config.output == Path("outputs") / names.backbone / config.name
    assert config.needs_gpu == (backbones()[names.backbone].family == "llm" and names.backbone not in LLMS_FOR_A_CPU)
    assert config.gradient_checkpointing is None  # the plan decides


def test_a_start_is_the_bc_run_of_the_same_backbone_and_is_itself_a_recipe() -> None:
    outputs = {compose(names)["output_dir"] for names in every_recipe()}
    starts = {compose(names).get("init_from") for names in every_recipe()} - {None}
    assert starts <= {output for output in outputs if "/bc_" in output}
    assert compose(Names("gpt2", "filtered_bc", "full"))["init_from"] == "outputs/gpt2/bc_full"
    assert compose(Names("tiny", "filtered_bc", "lora"))["init_from"] == "outputs/tiny/bc_full"


def test_every_backbone_has_every_rl_method() -> None:
    created = {(names.backbone, names.method) for names in every_recipe()}
    online = ("grpo", "expert_iteration", "on_policy_distillation")
    for method in ("dpo", "kto", "reward_weighted_bc", "resampled_bc", "ilql_sparse", "ilql_full", *online):
        assert {backbone for backbone, recipe_method in created if recipe_method == method} == set(backbones())


@pytest.mark.parametrize(
    ("study", "count"), [("offline_rl", 14), ("online_rl", 11), ("2402.01812", 3), ("smollm2", 4)]
)
def test_every_experiment_parses_and_means_something(study: str, count: int) -> None:
    paths = sorted((CONFIGS.parent / "experiments" / study).glob("*.yaml"))
    assert len(paths) == count
    for path in paths:
        check_recipe(parse("--config", path, "--init_from", "outputs/start"))


def test_methods_of_the_offline_rl_study_have_one_budget() -> None:
    folder = CONFIGS.parent / "experiments" / "offline_rl"
    budgets = {path.stem: parse("--config", path, "--init_from", "x").max_steps for path in folder.glob("*.yaml")}
    assert budgets.pop("start") == 800
    assert set(budgets.values()) == {300}


def test_all_methods_of_an_llm_have_one_budget_those_that_sample_another_and_gpt2_has_the_papers() -> None:
    llm = [names for names in every_recipe() if backbones()[names.backbone].family == "llm"]
    for samples, updates in ((False, 840), (True, 300)):
        for on_a_cpu, rows in ((False, 128), (True, 32)):
            created = [
                compose(names)
                for names in llm
                if METHODS[names.method].samples == samples and (names.backbone in LLMS_FOR_A_CPU) == on_a_cpu
            ]
            assert {(keys["max_steps"], keys["effective_batch_size"]) for keys in created} == {(updates, rows)}
    bc = compose(Names("gpt2", "bc", "full"))
    assert (bc["effective_batch_size"], bc["learning_rate"], bc["lr_scheduler"]) == (32, 1e-4, "constant")


def test_every_key_has_one_owner() -> None:
    assert {field.metadata["owner"] for *_, field in fields_of(RecipeConfig).values()} == {*AXES, "run"}


@pytest.mark.parametrize(
    ("axis", "key", "value", "home"),
    [
        ("backbone", "lora_rank", 8, "belongs to the adapter: recipes/configs/adapters"),
        ("method", "text_format", "chat", "belongs to the backbone: recipes/configs/backbones"),
        ("adapter", "max_steps", 9, "belongs to the method: recipes/configs/methods"),
        ("method", "seed", 1, "belongs to the run: an experiment or the command line"),
    ],
)
def test_a_key_in_the_wrong_file_names_its_owner(axis: str, key: str, value: object, home: str) -> None:
    with pytest.raises(UserError, match=f"file.yaml: {key} is no key of a {axis}; it {home}"):
        owned_keys(axis, Path("file.yaml"), {key: value})


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--backbone", "gpt2", "--adapter", "qlora"], "bc on gpt2 is trained with full or lora, not with qlora"),
        (["--recipe", "qwen3-0.6b/dpo_full"], "dpo on qwen3-0.6b is trained with lora, not with full"),
        (
            ["--recipe", "gpt2/ilql_shaped_full"],
            "ilql_shaped has no settings for gpt2; it has them for bc, filtered_bc",
        ),
        (["--recipe", "mistral-7b/cloning_lora"], "no method 'cloning'"),
        (["--recipe", "mistrl-7b/bc_lora"], "no backbone 'mistrl-7b' in recipes/configs/backbones, did you mean"),
        (["--recipe", "mistral"], "recipe must be <backbone>/<method>_<adapter> or <backbone>-<adapter>"),
        (
            ["--backbone", "ann/model"],
            "ann/model has no file in recipes/configs/backbones; name a recipe whose settings",
        ),
        (["--recipe", "gpt2/bc_full", "--card", "8gb"], "--card is --gpu now: --gpu 12gb"),
        (["--needs_gpu_gib=0"], "--needs_gpu false tries without a GPU"),
    ],
)
def test_what_cannot_be_composed_is_one_line(argv: list[str], message: str) -> None:
    with pytest.raises(UserError) as error:
        parse(*argv)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_three_names_one_name_and_the_makefiles_word_are_the_same_recipe() -> None:
    whole = parse("--backbone", "mistral-7b", "--method", "dpo", "--adapter", "qlora")
    assert whole == parse("--recipe", "mistral-7b/dpo_qlora") == parse("--recipe", "mistral-qlora", "--method", "dpo")
    assert whole == parse("--backbone", "mistralai/Mistral-7B-v0.1", "--method", "dpo", "--adapter", "qlora")
    assert parse() == parse("--recipe", "tiny/bc_full")


def test_a_name_on_the_command_line_replaces_that_of_the_recipe() -> None:
    assert parse("--recipe", "gpt2/bc_full", "--method", "dpo") == parse("--recipe", "gpt2/dpo_full")


def test_a_backbone_without_a_file_takes_the_settings_of_the_recipe_that_is_named() -> None:
    ours, expected = (
        parse("--recipe", "llama-3.2-1b/dpo_lora", "--backbone", "ann/model"),
        parse("--recipe", "llama-3.2-1b/dpo_lora"),
    )
    assert (ours.backbone, ours.output_dir, ours.init_from) == (
        "ann/model",
        "outputs/model/dpo_lora",
        "outputs/model/bc_lora",
    )
    changed = {key for key, value in resolved(ours).items() if value != resolved(expected)[key]}
    assert changed == {"backbone", "output_dir", "init_from"}


def test_an_experiment_names_a_recipe_and_sets_any_key_and_the_command_line_wins(tmp_path: Path) -> None:
    path = write(tmp_path, "recipe: gpt2/bc_full\nmax_steps: 25000\nseed: 3\nlora_rank: 4\n")
    config = parse("--config", path, "--seed", "4")
    assert (config.backbone, config.max_steps, config.seed, config.lora_rank) == ("openai-community/gpt2", 25000, 4, 4)
    assert config.save_steps == 500  # the backbone's


def test_a_saved_recipe_is_whole_and_nothing_is_composed_into_it(tmp_path: Path) -> None:
    config = RecipeConfig(backbone="openai-community/gpt2", max_steps=5)
    save_resolved(config, tmp_path / "recipe.yaml")
    assert parse("--config", tmp_path / "recipe.yaml") == config


def test_an_older_whole_recipe_still_loads_with_the_class_defaults(tmp_path: Path) -> None:
    text = "method: bc\nbackbone: mistralai/Mistral-7B-v0.1\nadapter: lora\nneeds_gpu_gib: 16.5\ncard: 24gb\n"
    config = parse("--config", write(tmp_path, text))
    assert (config.needs_gpu, config.gpu, config.max_steps) == (True, "24gb", RecipeConfig().max_steps)


def test_settings_of_older_recipes_are_read_from_their_trainer_options(tmp_path: Path) -> None:
    text = "method: ilql_full\ninit_from: x\ntrainer_options: [trace=0.95, policy_beta=10, optim_args=a]\n"
    config = parse("--config", write(tmp_path, text))
    assert config.ilql == IlqlSettings(td_lambda=0.95, awr_beta=10)
    assert config.trainer_options == ["optim_args=a"]


def test_one_setting_is_changed_and_the_others_stay(tmp_path: Path) -> None:
    expected = parse("--recipe", "mistral-7b/ilql_full_qlora")
    path = write(tmp_path, "recipe: mistral-7b/ilql_full_qlora\nilql: {beta: 3}\n")
    ours = parse("--config", path, "--ilql.td_lambda", "0.5")
    assert expected.ilql is not None
    assert ours.ilql == dataclasses.replace(expected.ilql, beta=3, td_lambda=0.5)


def test_print_config_is_yaml_that_makes_the_same_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parse("--recipe", "mistral-7b/ilql_full_qlora", "--print_config")
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["max_steps"] == 840
    assert parse("--config", write(tmp_path, printed)) == parse("--recipe", "mistral-7b/ilql_full_qlora")


def test_an_adapter_on_a_new_tiny_backbone_needs_a_start() -> None:
    with pytest.raises(UserError, match="random weights"):
        check_recipe(RecipeConfig(backbone=TINY, adapter="lora"))


def test_help_and_print_config_load_no_torch_and_group_keys_by_owner() -> None:
    code = "import sys; from recipes.train import main; main(['--help'])"
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], check=True, capture_output=True, text=True)
    assert [f"keys of the {owner}" in done.stdout for owner in (*AXES, "run")] == [True] * 4
    assert "| torch\n" not in done.stderr


@pytest.mark.parametrize(("marker", "table"), [("backbones", backbone_table), ("advice", advice_table)])
def test_the_readme_shows_what_is_planned_today(marker: str, table: Callable[[], str]) -> None:
    text = README.read_text(encoding="utf-8")
    between = text.split(f"<!-- {marker}: start -->\n")[1].split(f"<!-- {marker}: end -->")[0]
    assert between.strip() == table().strip()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("family: llm\nadapters: [lora]\nbackbone: ann/model\n", "size must be one of small, large, found None"),
        ("family: bert\nadapters: [lora]\nbackbone: ann/model\n", "must hold backbone, adapters and family"),
    ],
)
def test_a_backbone_file_that_lacks_what_methods_ask_of_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    (tmp_path / "backbones").mkdir()
    (tmp_path / "backbones" / "new.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr("recipes.config.backbones.CONFIGS", tmp_path)
    with pytest.raises(UserError, match=message):
        backbones.__wrapped__()
