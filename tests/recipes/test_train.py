"""Training end to end on tiny backbones: what moves, what is recorded, how a killed run goes on."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.layout import read_facts, write_facts
from recipes.config.backbones import backbone_named
from recipes.config.compose import Names
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig
from recipes.data.load import TrainingData, load_training_data
from recipes.planning.preflight import check_gpu
from recipes.train import main, run_recipe
from recipes.training.method import TrainingMethod, method_of
from recipes.training.record import read_train_record
from tests.golden.write_recipes import every_recipe, recipe_of

Recipe = Callable[..., RecipeConfig]


def method_on_no_rows(config: RecipeConfig) -> TrainingMethod:
    """What carries a recipe out, on data of no row but, for those that read labels, a right and a wrong one."""
    labelled = {"label": [True, False], "steps": [], "step_rewards": [], "final_reward": []}
    columns = {} if METHODS[config.method].samples else labelled
    return method_of(config, TrainingData(columns, {}, 0, {}))


def losses(folder: Path) -> list[float]:
    return [loss for _, loss in read_train_record(folder).loss_curve]


def weights(folder: Path) -> dict[str, Any]:
    return load_file(folder / "model.safetensors")


def test_bc_writes_checkpoint_tokenizer_recipe_record_and_first_example(bc_checkpoint: Path) -> None:
    names = {path.name for path in bc_checkpoint.iterdir()}
    assert {
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "recipe.yaml",
        "train_record.json",
        "first_example.txt",
    } <= names
    assert "checkpoints" not in names
    assert "README.md" not in names


def test_record_holds_what_was_trained_on(bc_checkpoint: Path) -> None:
    record = read_train_record(bc_checkpoint)
    assert (record.method, record.recipe, record.adapter) == ("bc", "tiny/bc_full", "full")
    assert (record.examples, record.dropped_examples, record.updates) == (48, 0, 4)
    assert record.trainable_parameters == record.parameters
    assert 0 < record.trained_tokens < record.read_tokens
    assert len(record.loss_curve) == 4
    assert record.loss_curve[-1][1] < record.loss_curve[0][1]
    assert record.validation_loss is not None
    assert len(record.dataset["examples_sha256"]) == 64


def test_data_taken_from_a_test_set_say_so_before_the_first_update_and_in_the_record(
    recipe: Recipe, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    divided = Path(shutil.copytree(dataset_folder, tmp_path / "divided"))
    write_facts(divided, read_facts(divided) | {"taken_from_test": 1100})
    config = recipe(tmp_path / "out", dataset=str(divided), dry_run=True)
    run_recipe(config)
    assert "the data holds 1,100 problems of its source's test set" in capsys.readouterr().out
    assert load_training_data(config).facts["taken_from_test"] == 1100


def test_every_weight_moves_in_full_training(bc_checkpoint: Path, recipe: Recipe, tmp_path: Path) -> None:
    before = weights(bc_checkpoint)
    after = weights(run_recipe(recipe(tmp_path / "out", init_from=str(bc_checkpoint), max_steps=1)))
    assert [name for name in before if before[name].equal(after[name])] == []


@pytest.fixture(scope="module")
def adapter(bc_checkpoint: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filtered") / "filtered_bc_lora"
    return run_recipe(recipe(folder, method="filtered_bc", adapter="lora", init_from=str(bc_checkpoint)))


def test_filtered_bc_learns_only_from_sets_with_a_right_answer(adapter: Path) -> None:
    record = read_train_record(adapter)
    assert (record.examples, record.dropped_examples) == (24, 24)


def test_only_adapter_parameters_move_under_lora(bc_checkpoint: Path, recipe: Recipe) -> None:
    from recipes.models.trainable import load_trainable, trainable_tokenizer

    config = recipe(Path("unused"), method="filtered_bc", adapter="lora", init_from=str(bc_checkpoint))
    model = load_trainable(config, trainable_tokenizer(config, list))
    moving = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert moving
    assert all(".lora_A." in name or ".lora_B." in name for name in moving)
    layers = [name for name, _ in model.named_modules() if name.endswith(("_proj",))]
    assert len(moving) == 2 * len(layers)


def test_adapter_moved_and_its_base_did_not(adapter: Path, bc_checkpoint: Path) -> None:
    from peft import AutoPeftModelForCausalLM

    loaded = AutoPeftModelForCausalLM.from_pretrained(adapter)
    second = [p for name, p in loaded.named_parameters() if ".lora_B." in name]  # zero before the first update
    assert all(parameter.abs().sum() > 0 for parameter in second)
    base = dict(loaded.get_base_model().named_parameters())
    for name, weight in weights(bc_checkpoint).items():
        key = name.replace("_proj.weight", "_proj.base_layer.weight")
        assert base[key].equal(weight)


@pytest.mark.parametrize("named", ["init_from", "backbone"])
def test_lora_goes_on_training_an_adapter_it_is_given(
    named: str, adapter: Path, recipe: Recipe, tmp_path: Path
) -> None:
    out = run_recipe(recipe(tmp_path / "more", adapter="lora", max_steps=1, **{named: str(adapter)}))
    before, after = (load_file(folder / "adapter_model.safetensors") for folder in (adapter, out))
    assert before.keys() == after.keys()
    moved = max(float((after[name] - before[name]).abs().max()) for name in before)
    assert 0 < moved < 2e-3  # AdamW's first step is the learning rate, 1e-3; a new adapter would differ by far more


def test_an_adapter_that_lies_in_the_working_folder_is_not_taken_for_the_backbone(
    adapter: Path, bc_checkpoint: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recipes.models.trainable import load_trainable, trainable_tokenizer

    monkeypatch.chdir(adapter)
    config = recipe(Path("unused"), adapter="lora", backbone=str(bc_checkpoint))
    model = load_trainable(config, trainable_tokenizer(config, list))
    second = [parameter for name, parameter in model.named_parameters() if ".lora_B." in name]
    assert second
    assert not any(parameter.any() for parameter in second)  # a new adapter's are zero


@pytest.mark.parametrize("method", ["bc", "ilql_full"])
def test_what_is_trained_on_an_adapter_that_was_moved_with_its_base_finds_the_base(
    method: str, cloned: Path, cloned_adapter: Path, reward_recipe: Recipe, tmp_path: Path
) -> None:
    from recipes.modeling import load_policy

    moved = tmp_path / "moved" / "adapter"
    shutil.copytree(cloned_adapter, moved)
    shutil.copytree(cloned, moved.parent / cloned.name)
    settings = json.loads((moved / "adapter_config.json").read_text())
    gone = settings | {"base_model_name_or_path": f"gone/{cloned.name}"}
    (moved / "adapter_config.json").write_text(json.dumps(gone), encoding="utf-8")
    far = tmp_path / "far" / "from" / "there"
    out = run_recipe(reward_recipe(far, method=method, adapter="lora", init_from=str(moved), max_steps=1))
    assert load_policy(out, device="cpu").generate([], max_new_tokens=1) == []


def test_full_training_from_an_adapter_is_refused(adapter: Path, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is an adapter"):
        run_recipe(recipe(tmp_path / "out", init_from=str(adapter)))


def test_four_bit_base_trains_saves_and_loads_again_on_a_cpu(
    bc_checkpoint: Path, recipe: Recipe, tmp_path: Path
) -> None:
    from dataset_builder.micro_gsm.problems import generate_problems
    from recipes.modeling import load_policy

    config = recipe(tmp_path / "q", adapter="qlora", init_from=str(bc_checkpoint), optimizer="paged_adamw_8bit")
    out = run_recipe(config)
    assert losses(out)[-1] > 0
    policy = load_policy(out, device="cpu", four_bit=True)
    assert policy.model.get_base_model().is_loaded_in_4bit
    assert len(policy.generate(generate_problems("test", 2, 0), max_new_tokens=4)) == 2


def test_gpt2_layers_get_a_lora_and_train(recipe: Recipe, tmp_path: Path, bc_checkpoint: Path) -> None:
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    tokenizer = AutoTokenizer.from_pretrained(bc_checkpoint)
    tokenizer.pad_token = None  # GPT-2 has none
    size = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=1, n_head=2, n_positions=512)
    GPT2LMHeadModel(size).save_pretrained(tmp_path / "gpt2")
    tokenizer.save_pretrained(tmp_path / "gpt2")
    out = run_recipe(recipe(tmp_path / "out", backbone=str(tmp_path / "gpt2"), adapter="lora", max_steps=2))
    names = load_file(out / "adapter_model.safetensors")
    assert {name.split(".lora_")[0].rpartition(".")[2] for name in names} == {"c_attn", "c_proj", "c_fc"}


def test_same_seed_gives_the_same_weights(bc_checkpoint: Path, recipe: Recipe, tmp_path: Path) -> None:
    again = run_recipe(recipe(tmp_path / "again"))
    assert all(weight.equal(weights(again)[name]) for name, weight in weights(bc_checkpoint).items())


def test_other_seed_gives_other_weights(bc_checkpoint: Path, recipe: Recipe, tmp_path: Path) -> None:
    reseeded = run_recipe(recipe(tmp_path / "other", seed=1, max_steps=1))
    assert losses(reseeded)[0] != losses(bc_checkpoint)[0]


def test_one_batch_of_eight_equals_eight_batches_of_one(bc_checkpoint: Path, recipe: Recipe, tmp_path: Path) -> None:
    single = run_recipe(recipe(tmp_path / "single", micro_batch_size=1))
    assert losses(single) == pytest.approx(losses(bc_checkpoint), rel=1e-4)
    assert read_train_record(single).trained_tokens == read_train_record(bc_checkpoint).trained_tokens


def test_joined_rows_train_as_padded_ones(bc_checkpoint: Path, recipe: Recipe, tmp_path: Path) -> None:
    joined = run_recipe(recipe(tmp_path / "joined", padding_free="on", micro_batch_size=4))
    assert losses(joined) == pytest.approx(losses(bc_checkpoint), rel=1e-4)
    left, right = read_train_record(joined), read_train_record(bc_checkpoint)
    assert (left.trained_tokens, left.read_tokens) == (right.trained_tokens, right.read_tokens)
    assert left.validation_loss == pytest.approx(right.validation_loss, rel=1e-4)


class Killed(BaseException):
    """Stands for a kill: nothing in the run may catch it."""


def kill_after(monkeypatch: pytest.MonkeyPatch, updates: int) -> None:
    from recipes.training.callbacks import TrainingProgress

    def on_step_end(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step > updates:
            raise Killed

    monkeypatch.setattr(TrainingProgress, "on_step_end", on_step_end)


def test_killed_run_goes_on_to_the_same_weights_and_counts(
    bc_checkpoint: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(tmp_path / "out", save_steps=1)
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(Killed):
            run_recipe(config)
    checkpoints = config.output / "checkpoints"
    half_written = checkpoints / "checkpoint-3"
    shutil.copytree(checkpoints / "checkpoint-2", half_written, dirs_exist_ok=True)
    (half_written / "trainer_state.json").write_text('{"global_st', encoding="utf-8")
    run_recipe(config)
    whole, resumed = read_train_record(bc_checkpoint), read_train_record(config.output)
    assert losses(config.output) == pytest.approx(losses(bc_checkpoint))
    assert (resumed.trained_tokens, resumed.read_tokens) == (whole.trained_tokens, whole.read_tokens)
    assert all(weight.equal(weights(config.output)[name]) for name, weight in weights(bc_checkpoint).items())


def test_run_killed_in_its_second_epoch_goes_on_to_the_same_weights(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"max_examples": 24, "max_steps": 8, "save_steps": 5}  # three updates are an epoch
    whole = run_recipe(recipe(tmp_path / "whole", **changes))
    config = recipe(tmp_path / "killed", **changes)
    with monkeypatch.context() as patch:
        kill_after(patch, 5)
        with pytest.raises(Killed):
            run_recipe(config)
    run_recipe(config)
    assert losses(config.output) == pytest.approx(losses(whole))
    assert all(weight.equal(weights(config.output)[name]) for name, weight in weights(whole).items())


def test_finished_run_is_not_trained_again(
    bc_checkpoint: Path, recipe: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (bc_checkpoint / "train_record.json").read_text(encoding="utf-8")
    run_recipe(recipe(bc_checkpoint))
    assert "already trained" in capsys.readouterr().out
    assert (bc_checkpoint / "train_record.json").read_text(encoding="utf-8") == before


def test_a_finished_run_ends_with_the_command_that_tries_it(
    bc_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(bc_checkpoint / "recipe.yaml")]) == 0
    assert capsys.readouterr().out.endswith(f"next: python -m recipes.decompose --checkpoint {bc_checkpoint}\n")


def test_finished_run_is_not_overwritten_by_other_settings(bc_checkpoint: Path, recipe: Recipe) -> None:
    with pytest.raises(UserError, match=r"other settings or data \(learning_rate was 0.001, is 0.1\)"):
        run_recipe(recipe(bc_checkpoint, learning_rate=0.1))


def test_folder_with_somebody_elses_model_is_not_overwritten(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="holds a model that no run of this program wrote"):
        run_recipe(recipe(tmp_path))


def test_example_longer_than_max_length_stops_the_run_before_it_starts(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="would lose their end"):
        run_recipe(recipe(tmp_path / "out", max_length=20))
    assert not (tmp_path / "out" / "checkpoints").exists()
    run_recipe(recipe(tmp_path / "out", max_steps=1))  # the mended recipe may use the same folder


def test_missing_backbone_is_one_line(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint"):
        run_recipe(recipe(tmp_path / "out", backbone=str(tmp_path / "nowhere")))


def test_half_written_weights_are_one_line(bc_checkpoint: Path, recipe: Recipe, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(bc_checkpoint, broken)
    (broken / "model.safetensors").write_bytes((broken / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(UserError, match="damaged or half-written"):
        run_recipe(recipe(tmp_path / "out", init_from=str(broken)))


def test_recipe_for_a_gpu_says_what_it_needs_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["--recipe", "mistral-7b/bc_lora"]) == 2
    error = capsys.readouterr().err
    assert "needs a GPU with about 16.4 GiB" in error
    assert "python -m recipes.plan --recipe mistral-7b/bc_lora --gpu" in error
    assert "make train-mistral-7b-lora JOBS=a10g-large" in error
    assert error.count("\n") == 1


def test_recipe_without_gpu_needs_asks_for_none() -> None:
    check_gpu(RecipeConfig())


def test_resolved_recipe_trains_the_same_run_again(bc_checkpoint: Path) -> None:
    from dataset_builder.core.config import parse_config

    config = parse_config(RecipeConfig, ["--config", str(bc_checkpoint / "recipe.yaml")], prog="", description="")
    assert dataclasses.asdict(config) == read_train_record(bc_checkpoint).resolved_recipe


def test_record_of_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train_record.json").write_text(json.dumps({"method": "bc"}), encoding="utf-8")
    with pytest.raises(UserError, match="no training record"):
        read_train_record(tmp_path)


def test_method_that_leaves_nothing_to_learn_from_is_one_line(recipe: Recipe, tmp_path: Path) -> None:
    from datasets import Dataset

    source = Path(recipe(tmp_path).dataset)
    folder = tmp_path / "all-wrong"
    shutil.copytree(source, folder)
    (shard,) = (folder / "data" / "prompt_completion").glob("train-*.parquet")
    rows = Dataset.from_parquet(str(shard), cache_dir=str(tmp_path / "cache"))
    rows.filter(lambda row: row["answer_correctness"] == 0).to_parquet(shard)
    with pytest.raises(UserError, match="none of its 24 prompt_completion rows is marked right"):
        run_recipe(recipe(tmp_path / "out", method="filtered_bc", dataset=str(folder)))


def test_missing_dataset_is_one_line(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        run_recipe(recipe(tmp_path / "out", dataset=str(tmp_path / "nowhere")))


def test_part_of_the_examples_is_trained_on_when_asked(recipe: Recipe, tmp_path: Path) -> None:
    record = read_train_record(run_recipe(recipe(tmp_path / "out", max_examples=8, max_steps=1)))
    assert (record.examples, record.dropped_examples) == (8, 0)


def test_run_without_validation_examples_records_no_validation_loss(recipe: Recipe, tmp_path: Path) -> None:
    record = read_train_record(run_recipe(recipe(tmp_path / "out", validation_examples=0, max_steps=1)))
    assert record.validation_loss is None


OF_EACH_KIND = {
    (backbone_named(names.backbone).family, names.method, names.adapter): names for names in every_recipe()
}


@pytest.mark.parametrize(
    "names", OF_EACH_KIND.values(), ids=lambda names: f"{names.backbone}/{names.method}_{names.adapter}"
)
def test_every_recipe_makes_a_trainer_configuration_with_its_effective_batch(names: Names, tmp_path: Path) -> None:
    config = recipe_of(names, output_dir=str(tmp_path))
    arguments = method_on_no_rows(config).arguments
    batch = arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps
    assert batch == config.effective_batch_size
    switched_on_by_itself = not METHODS[config.method].trains_values  # ILQL's trunk is switched by its own module
    assert arguments.activation_checkpointing == (bool(config.gradient_checkpointing) and switched_on_by_itself)


def test_trainer_option_reaches_the_trainer(tmp_path: Path) -> None:
    config = RecipeConfig(output_dir=str(tmp_path), trainer_options=["neftune_noise_alpha=5.0"])
    assert method_on_no_rows(config).arguments.neftune_noise_alpha == 5.0


@pytest.mark.parametrize(
    ("method", "pair", "message"),
    [
        ("bc", "packng=true", "SFTConfig has no option 'packng', did you mean 'packing'"),
        ("dpo", "label_smothing=0.1", "DPOConfig has no option 'label_smothing', did you mean 'label_smoothing'"),
        ("bc", "packing", "name=value"),
    ],
)
def test_trainer_option_that_the_methods_class_does_not_have_is_one_line(
    method: str, pair: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        method_on_no_rows(RecipeConfig(method=method, output_dir=str(tmp_path), trainer_options=[pair]))
