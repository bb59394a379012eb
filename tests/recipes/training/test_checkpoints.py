"""Checkpoints: the newest whole one is resumed from, time and signals make one, and nothing is learnt twice."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import transformers
from safetensors.torch import load_file

from dataset_builder.core.config import save_resolved
from dataset_builder.door.signals import stop_handlers
from recipes.config.recipe import RecipeConfig
from recipes.train import main, run_recipe
from recipes.training.callbacks import TrainingProgress
from recipes.training.checkpoints import damaged_file, newest_checkpoint

Recipe = Callable[..., RecipeConfig]


class Killed(BaseException):
    """Stands for a kill -9."""


def at_update(monkeypatch: pytest.MonkeyPatch, update: int, happens: Callable[[], None]) -> None:
    def on_step_end(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == update:
            happens()

    monkeypatch.setattr(TrainingProgress, "on_step_end", on_step_end)


def kill() -> None:
    raise Killed


def interrupt(number: signal.Signals = signal.SIGINT) -> None:
    """Sends the signal and waits until it is heeded (an exception, or its handler goes): two at once would be one."""
    handler = signal.getsignal(number)
    os.kill(os.getpid(), number)
    for _ in range(500):
        if signal.getsignal(number) != handler:
            return
        time.sleep(0.01)
    raise AssertionError(f"nobody heeded {number.name}")


@pytest.fixture(autouse=True)
def usual_signals() -> Iterator[None]:
    """As in a shell: where tests run in the background, Ctrl-C may be ignored from the start."""
    with stop_handlers():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        yield


@pytest.fixture(scope="module")
def killed(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run killed in its fourth update, with the checkpoints of its second and third."""
    with pytest.MonkeyPatch.context() as patch:
        at_update(patch, 4, kill)
        config = recipe(tmp_path_factory.mktemp("killed") / "out", save_steps=1)
        with pytest.raises(Killed):
            run_recipe(config)
    return config.output


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero_a_part(path: Path) -> None:
    """Of the same length, as after a power cut."""
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[: middle - 64] + bytes(128) + whole[middle + 64 :])


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("optimizer.pt", cut),
        ("optimizer.pt", zero_a_part),
        ("optimizer.pt", Path.unlink),
        ("model.safetensors", cut),
        ("scheduler.pt", cut),
        ("rng_state.pth", cut),
        ("trainer_state.json", cut),
        ("trainer_state.json", Path.unlink),
    ],
)
def test_a_torn_checkpoint_is_passed_over_and_said(
    name: str, damage: Callable[[Path], None], killed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(killed, folder)
    checkpoints = folder / "checkpoints"
    assert newest_checkpoint(folder, 4) == checkpoints / "checkpoint-3"
    damage(checkpoints / "checkpoint-3" / name)
    assert newest_checkpoint(folder, 4) == checkpoints / "checkpoint-2"
    said = f"checkpoint-3 is passed over: its {name} is missing or damaged"
    assert said in capsys.readouterr().out
    assert damaged_file(checkpoints / "checkpoint-2") is None


def test_a_run_goes_on_from_the_newest_whole_checkpoint_to_the_same_weights(
    killed: Path, bc_checkpoint: Path, recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = recipe(tmp_path / "out", save_steps=1)
    shutil.copytree(killed, config.output)
    cut(config.output / "checkpoints" / "checkpoint-3" / "optimizer.pt")
    run_recipe(config)
    assert "checkpoint-2: update 2 of 4" in capsys.readouterr().out
    straight, resumed = (load_file(folder / "model.safetensors") for folder in (bc_checkpoint, config.output))
    assert all(weight.equal(resumed[name]) for name, weight in straight.items())


@pytest.mark.parametrize(("number", "named"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_a_signal_saves_a_checkpoint_says_how_to_resume_and_exits_with_130(
    number: signal.Signals,
    named: str,
    bc_checkpoint: Path,
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = recipe(tmp_path / "out")
    save_resolved(config, tmp_path / "recipe.yaml")
    command = ["--config", str(tmp_path / "recipe.yaml")]
    with monkeypatch.context() as patch:
        at_update(patch, 2, lambda: interrupt(number))
        assert main(command) == 130
    out, err = capsys.readouterr()
    assert f"{named}: the update under way is finished and saved" in err
    lines = out.splitlines()
    saved = config.output / "checkpoints" / "checkpoint-2"
    assert f"update 2 of 4 is saved in {saved}" in lines
    assert f"to resume: python -m recipes.train --config {config.output / 'recipe.yaml'}" in lines
    assert damaged_file(saved) is None
    assert not list(config.output.glob("*.safetensors"))
    told = list[str]()
    monkeypatch.setattr(transformers.trainer.logger, "warning", lambda text, *_: told.append(text))
    assert main(["--config", str(config.output / "recipe.yaml")]) == 0
    assert f"resuming from {saved}: update 2 of 4" in capsys.readouterr().out
    assert not [text for text in told if "missing keys" in text]  # the output layer is the input's
    straight, resumed = (load_file(folder / "model.safetensors") for folder in (bc_checkpoint, config.output))
    assert all(weight.equal(resumed[name]) for name, weight in straight.items())


def test_ctrl_c_at_the_last_update_finishes_the_run(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_update(monkeypatch, 4, interrupt)
    assert (run_recipe(recipe(tmp_path / "out")) / "train_record.json").is_file()


def test_a_second_ctrl_c_stops_at_once(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice() -> None:
        interrupt()
        interrupt()

    at_update(monkeypatch, 2, twice)
    config = recipe(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        run_recipe(config)
    assert not list((config.output / "checkpoints").glob("checkpoint-*"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_checkpoints_are_kept_by_time_too(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_update(monkeypatch, 4, kill)
    config = recipe(tmp_path / "out", save_steps=1000, save_minutes=1e-9)
    with pytest.raises(Killed):
        run_recipe(config)
    saved = sorted(path.name for path in (config.output / "checkpoints").glob("checkpoint-*"))
    assert saved == ["checkpoint-2", "checkpoint-3"]
