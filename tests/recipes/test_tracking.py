"""Tracking: trackio writes on this machine alone, for real backbones by default; others only where they are named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.core.config import save_resolved
from dataset_builder.core.errors import UserError
from recipes import train
from recipes.config.recipe import RecipeConfig
from recipes.train import run_recipe
from recipes.training.arguments import shared_arguments

Recipe = Callable[..., RecipeConfig]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("backbone", "report_to", "expected"),
    [
        ("tiny", "auto", "none"),
        ("org/model", "auto", "trackio"),
        ("org/model", "none", "none"),
        ("tiny", "wandb", "wandb"),
        ("org/model", "tensorboard", "tensorboard"),
    ],
)
def test_trackio_is_the_default_for_real_backbones(backbone: str, report_to: str, expected: str) -> None:
    result = shared_arguments(RecipeConfig(backbone=backbone, report_to=report_to))
    assert result["report_to"] == expected
    assert (result["trackio_space_id"], result["trackio_static_space_id"]) == (None, False)


@pytest.mark.parametrize("tracker", ["wandb", "tensorboard", "trackio"])
def test_a_tracker_that_is_not_installed_is_one_line_before_anything_is_read(
    tracker: str, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    extra = "train" if tracker == "trackio" else tracker
    with pytest.raises(UserError, match=rf'this needs {tracker}, .*"gsm8k-ai-subq\[{extra}\]"'):
        run_recipe(recipe(tmp_path / "out", report_to=tracker))
    assert not (tmp_path / "out").exists()


def test_files_of_trackers_go_under_outputs_and_nothing_is_made_for_those_that_nobody_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("TRACKIO_DIR", "WANDB_DIR", "WANDB_PROJECT", "TENSORBOARD_LOGGING_DIR", "CUDA_VISIBLE_DEVICES")
    for name in names:
        monkeypatch.setenv(name, "")  # so that it is as before afterwards
        monkeypatch.delenv(name)
    train._set_environment(RecipeConfig(backbone="org/model"))
    assert list(tmp_path.iterdir()) == []
    assert os.environ["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "outputs/tensorboard/model/bc_full")
    train._set_environment(RecipeConfig(backbone="org/model", report_to="wandb"))
    assert (os.environ["WANDB_DIR"], os.environ["WANDB_PROJECT"]) == (str(tmp_path / "outputs/wandb"), "gsm8k-ai-subq")
    assert (tmp_path / "outputs" / "wandb").is_dir()


@pytest.mark.slow
def test_a_tracked_run_leaves_its_metrics_in_a_local_folder(recipe: Recipe, tmp_path: Path) -> None:
    save_resolved(recipe(tmp_path / "out", report_to="trackio", max_steps=2), tmp_path / "recipe.yaml")
    environment = {**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "recipes.train", "--config", str(tmp_path / "recipe.yaml")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "trackio").glob("gsm8k-ai-subq*"))
