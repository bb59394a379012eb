"""The scaffold: what a recipe may ask of one method it may ask of every one, or is told so by the key's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig
from recipes.config.settings import IlqlSettings
from recipes.methods import preference
from recipes.modeling import load_policy
from recipes.train import run_recipe
from recipes.training import fit as scaffold
from recipes.training import selection
from recipes.training.record import TrainRecord, read_train_record
from recipes.training.trainer import MethodTrainer
from tests.support.diverging import check_stopped_by_gradients

Recipe = Callable[..., RecipeConfig]
WAYS = [
    ("bc", "full"),
    ("filtered_bc", "lora"),
    ("dpo", "full"),
    ("dpo", "lora"),
    ("kto", "full"),
    ("kto", "lora"),
    ("reward_weighted_bc", "full"),
    ("resampled_bc", "lora"),
    ("ilql_sparse", "lora"),
    ("ilql_full", "full"),
    ("ilql_shaped", "lora"),
]
SHARED = ("prompt_completion", "trajectories", "unpaired_preference")


def recipe_of(
    reward_recipe: Recipe, cloned: Path, output: Path, method: str, adapter: str, **changes: Any
) -> RecipeConfig:
    settings = IlqlSettings(policy_weight=1.0) if METHODS[method].trains_values else None
    saving = {"gradient_checkpointing": adapter == "lora"}  # decoding between two updates must not mind it
    values = {"init_from": str(cloned), "ilql": settings} | saving | changes
    return reward_recipe(output, method=method, adapter=adapter, **values)


def weights(folder: Path) -> dict[str, Any]:
    files = sorted(path for path in folder.rglob("*.safetensors") if "last" not in path.relative_to(folder).parts)
    return {f"{path.relative_to(folder)}/{name}": w for path in files for name, w in load_file(path).items()}


def scores(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    left = iter(values)
    monkeypatch.setattr(selection, "score_texts", lambda *_: {"fluency": next(left)})


@pytest.mark.slow
@pytest.mark.parametrize(("method", "adapter"), WAYS)
def test_every_method_publishes_the_best_checkpoint_keeps_the_last_and_stops_early(
    method: str, adapter: str, reward_recipe: Recipe, cloned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores(monkeypatch, [0.1, 0.5, 0.3, 0.2, 0.9])
    asked = {"choose_by": "fluency", "choose_examples": 2, "save_steps": 1, "early_stopping": 2, "max_steps": 5}
    out = run_recipe(recipe_of(reward_recipe, cloned, tmp_path / "out", method, adapter, **asked))
    record = read_train_record(out)
    assert (record.chosen_update, record.updates) == (2, 4)
    assert len(record.loss_curve) == 4
    two, four = (
        weights(run_recipe(recipe_of(reward_recipe, cloned, tmp_path / str(steps), method, adapter, max_steps=steps)))
        for steps in (2, 4)
    )
    published, last = weights(out), weights(out / "last")
    assert published.keys() == two.keys() == last.keys()
    assert all(weight.equal(published[name]) for name, weight in two.items())
    assert all(weight.equal(last[name]) for name, weight in four.items())
    assert not (out / "ref").exists()
    assert not (out / "last" / "ref").exists()
    assert len(load_policy(out, device="cpu").generate(generate_problems("test", 2, 0), max_new_tokens=4)) == 2


@pytest.mark.parametrize(("method", "adapter"), [*WAYS[::2], ("kto", "full")])
def test_every_method_records_energy_and_validation_loss_and_shows_one_example(
    method: str,
    adapter: str,
    reward_recipe: Recipe,
    cloned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    joules = iter(range(0, 10_000, 5))
    monkeypatch.setattr("recipes.training.callbacks.gpu_joules", lambda: float(next(joules)))
    config = recipe_of(reward_recipe, cloned, tmp_path / "out", method, adapter, max_steps=1)
    record = read_train_record(run_recipe(config))
    assert record.energy_joules is not None
    assert record.energy_joules > 0
    has_validation = METHODS[method].dataset_config in SHARED  # no validation problem of the fixture makes a pair
    assert (record.validation_loss is not None) == has_validation
    assert capsys.readouterr().out.count("tokens with loss, the last one ends the text") == 1
    assert (config.output / "first_example.txt").is_file()


@pytest.mark.parametrize(("method", "adapter"), [("dpo", "lora"), ("kto", "full"), ("ilql_full", "full")])
def test_run_of_fewer_updates_than_logging_steps_is_saved_with_a_loss(
    method: str, adapter: str, reward_recipe: Recipe, cloned: Path, tmp_path: Path
) -> None:
    out = run_recipe(
        recipe_of(
            reward_recipe, cloned, tmp_path / "out", method, adapter, max_steps=3, logging_steps=10, save_steps=200
        )
    )
    record = read_train_record(out)
    assert [step for step, _ in record.loss_curve] == [3]
    assert record.train_loss == record.loss_curve[0][1]
    assert weights(out)


@pytest.mark.parametrize(("method", "adapter"), WAYS[::2])
@pytest.mark.parametrize(("logging_steps", "save_steps"), [(10, 200), (1, 2)])
def test_every_method_stops_at_weights_that_are_no_number_and_publishes_nothing(
    logging_steps: int,
    save_steps: int,
    method: str,
    adapter: str,
    reward_recipe: Recipe,
    cloned: Path,
    tmp_path: Path,
) -> None:
    wild = {"learning_rate": 1e20, "max_grad_norm": 0.0, "max_steps": 4}
    options = wild | {"logging_steps": logging_steps, "save_steps": save_steps}
    config = recipe_of(reward_recipe, cloned, tmp_path / "out", method, adapter, **options)
    with pytest.raises(UserError, match=r"the run has diverged, .*no checkpoint was written before"):
        run_recipe(config)
    assert not list(config.output.glob("*.safetensors"))
    assert not (config.output / "train_record.json").exists()


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if not row.samples])
def test_gradients_that_are_no_number_stop_every_method_with_its_last_good_checkpoint(
    method: str, reward_recipe: Recipe, cloned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"logging_steps": 1, "save_steps": 1, "max_steps": 3, "max_length": 256, "validation_examples": 0}
    start = {"init_from": str(cloned)} if METHODS[method].needs_checkpoint else {}
    config = reward_recipe(tmp_path / "out", method=method, **options, **start)
    check_stopped_by_gradients(config, monkeypatch)


def test_run_whose_loss_is_no_number_once_keeps_its_last_good_checkpoint(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(tmp_path / "out", max_steps=4, save_steps=1, logging_steps=1)
    step, calls = MethodTrainer.micro_step, iter(range(100))

    def spoilt(self: MethodTrainer, *args: Any, **kwargs: Any) -> Any:
        loss = step(self, *args, **kwargs)
        if next(calls) == 2:
            self._losses_finite = loss.isnan()  # as where the loss was no number
        return loss

    monkeypatch.setattr(MethodTrainer, "micro_step", spoilt)
    with pytest.raises(UserError, match=r"update 3: the run has diverged, its loss .*checkpoint-2"):
        run_recipe(config)
    assert not (config.output / "train_record.json").exists()


def test_weights_are_on_disk_before_a_figure_can_fail(
    recipe: Recipe, bc_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise IndexError("no figure")

    config = recipe(tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(scaffold, "measure", fails)
        with pytest.raises(IndexError):
            run_recipe(config)
    saved, straight = (load_file(folder / "model.safetensors") for folder in (config.output, bc_checkpoint))
    assert all(weight.equal(saved[name]) for name, weight in straight.items())
    record: TrainRecord = read_train_record(run_recipe(config))  # the same command finishes the run
    assert record.updates == 4
    again = load_file(config.output / "model.safetensors")
    assert all(weight.equal(again[name]) for name, weight in straight.items())


def test_run_that_had_stopped_early_is_finished_without_a_further_update(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"choose_by": "fluency", "choose_examples": 2, "save_steps": 1, "early_stopping": 1, "max_steps": 9}
    config = recipe(tmp_path / "out", **asked)
    with monkeypatch.context() as patch:
        patch.setattr(scaffold, "measure", lambda *_: 1 / 0)
        scores(patch, [0.5, 0.6, 0.4])
        with pytest.raises(ZeroDivisionError):
            run_recipe(config)
    scores(monkeypatch, [0.4, 0.9])
    record = read_train_record(run_recipe(config))
    assert (record.updates, record.chosen_update) == (3, 2)


@pytest.mark.parametrize("method", ["bc", "resampled_bc", "dpo", "kto", "ilql_full"])
def test_batch_that_hides_a_trained_token_stops_every_method_before_its_first_step(
    method: str, reward_recipe: Recipe, cloned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss_labels = {owner: owner.loss_labels for owner in (MethodTrainer, preference.TokenizedTrainer)}
    for owner, original in loss_labels.items():
        monkeypatch.setattr(owner, "loss_labels", lambda self, batch, known=original: known(self, batch)[..., :-1])
    config = recipe_of(reward_recipe, cloned, tmp_path / "out", method, "full")
    with pytest.raises(UserError, match="padding changes which tokens carry loss"):
        run_recipe(config)
    assert not list(config.output.rglob("checkpoint-*"))


@pytest.mark.parametrize("method", ["dpo", "kto", "ilql_full"])
def test_method_that_cannot_shard_weights_says_so_before_anything_is_loaded(
    method: str, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UserError, match=f"{method} .* cannot shard its weights"):
        run_recipe(recipe(tmp_path / "out", method=method, init_from="nowhere", dataset="nowhere"))


def test_choice_of_checkpoint_under_sharded_weights_is_refused_before_anything_is_loaded(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UserError, match="--choose_by last"):
        run_recipe(recipe(tmp_path / "out", choose_by="fluency", dataset="nowhere"))


@pytest.mark.parametrize("method", ["dpo", "kto", "reward_weighted_bc", "resampled_bc", "ilql_full"])
def test_method_that_pads_refuses_padding_free(method: str, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--padding_free"):
        run_recipe(recipe(tmp_path / "out", method=method, init_from="x", padding_free="on", dataset="nowhere"))


@pytest.mark.parametrize("method", ["dpo", "ilql_full"])
def test_choice_without_validation_problems_is_refused(
    method: str, reward_recipe: Recipe, cloned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataset_builder.dataset_folder import load

    known = load.load_subq

    def without_validation(config: str, split: str, *rest: Any) -> Any:
        rows = known(config, split, *rest)
        return rows.select(range(0)) if split == "validation" else rows

    monkeypatch.setattr(load, "load_subq", without_validation)
    config = reward_recipe(
        tmp_path / "out", method=method, init_from=str(cloned), choose_by="fluency", validation_examples=0
    )
    with pytest.raises(UserError, match="needs validation problems"):
        run_recipe(config)


class Watcher(TrainerCallback):
    """Notes the updates that it sees."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        self.seen.append(state.global_step)


def test_who_watches_a_run_is_called_and_changes_nothing(reward_recipe: Recipe, tmp_path: Path) -> None:
    watcher = Watcher()
    runs = [run_recipe(reward_recipe(tmp_path / str(len(who)), max_steps=2), who) for who in ([], [watcher])]
    assert watcher.seen == [1, 2]
    plain, watched = map(weights, runs)
    assert all(weight.equal(watched[name]) for name, weight in plain.items())
