"""Tracking: trackio writes on this machine alone, for real backbones by default and for tiny ones on request."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.core.config import save_resolved
from recipes.config.recipe import RecipeConfig
from recipes.training.arguments import shared_arguments

Recipe = Callable[..., RecipeConfig]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("backbone", "report_to", "expected"),
    [("tiny", "auto", "none"), ("org/model", "auto", "trackio"), ("org/model", "none", "none")],
)
def test_trackio_is_the_default_for_real_backbones(backbone: str, report_to: str, expected: str) -> None:
    result = shared_arguments(RecipeConfig(backbone=backbone, report_to=report_to))
    assert result["report_to"] == expected
    assert (result["trackio_space_id"], result["trackio_static_space_id"]) == (None, False)


@pytest.mark.slow
def test_a_tracked_run_leaves_its_metrics_in_a_local_folder(recipe: Recipe, tmp_path: Path) -> None:
    save_resolved(recipe(tmp_path / "out", report_to="trackio", max_steps=2), tmp_path / "recipe.yaml")
    environment = {**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "recipes.train", "--config", str(tmp_path / "recipe.yaml")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "trackio").glob("gsm8k-ai-subq*"))
