"""After training: a checkpoint is tried on a typed problem, and merged, its drift measured; half a run is refused."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from recipes import decompose, merge
from recipes.config.recipe import RecipeConfig
from recipes.modeling import load_policy
from recipes.models.merge import MERGE_RECORD, merge_adapter
from recipes.train import run_recipe

Recipe = Callable[..., RecipeConfig]
PROBLEMS = generate_problems("test", 2, seed=0)


@pytest.fixture(scope="module")
def trained(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained just long enough to close its questions."""
    folder = tmp_path_factory.mktemp("life") / "bc_full"
    return run_recipe(recipe(folder, max_steps=60, learning_rate=1e-2))


@pytest.fixture(scope="module")
def adapter(trained: Path, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("life") / "lora"
    return run_recipe(recipe(folder, adapter="lora", init_from=str(trained), max_steps=4, learning_rate=1e-2))


def test_merged_model_speaks_as_the_adapter_did(adapter: Path, tmp_path: Path) -> None:
    record = merge_adapter(adapter, tmp_path / "merged", "cpu")
    assert record["drift"]["against_adapter"]["largest"] < 1e-3
    assert record["drift"]["against_adapter"]["same_choice"] == 1
    assert "against_trained" not in record["drift"]
    before, after = (load_policy(path, "cpu").generate(PROBLEMS) for path in (adapter, tmp_path / "merged"))
    assert before == after
    assert json.loads((tmp_path / "merged" / MERGE_RECORD).read_text(encoding="utf-8")) == record
    assert not (tmp_path / "merged" / "adapter_config.json").exists()


def test_drift_of_a_four_bit_adapter_is_measured_against_what_it_was_trained_on(
    trained: Path, recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run_recipe(recipe(tmp_path / "q", adapter="qlora", init_from=str(trained), max_steps=2))
    assert merge.main(["--checkpoint", str(out), "--device", "cpu"]) == 0
    drift = json.loads((tmp_path / "q-merged" / MERGE_RECORD).read_text(encoding="utf-8"))["drift"]
    assert drift["against_trained"]["largest"] > 10 * drift["against_adapter"]["largest"]
    assert "drift against trained" in capsys.readouterr().out


def test_merge_overwrites_nothing_and_needs_an_adapter(adapter: Path, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(UserError, match="exists already"):
        merge_adapter(adapter, tmp_path / "there")
    with pytest.raises(UserError, match="nothing to merge"):
        merge_adapter(trained, tmp_path / "new")


def test_typed_problem_gets_numbered_sub_questions(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--checkpoint", str(trained), "--device", "cpu"]
    assert decompose.main([*argv, "--problem", PROBLEMS[0].problem]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Q1: How ")
    monkeypatch.setattr("sys.stdin", io.StringIO(PROBLEMS[0].problem + "\n\nno part of it"))
    assert decompose.main(argv) == 0
    assert capsys.readouterr().out == printed


def test_nothing_typed_is_one_line(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert decompose.main(["--checkpoint", str(trained)]) == 2
    assert capsys.readouterr().err.startswith("error: give a problem")


@pytest.mark.parametrize("use", ["decompose", "merge", "train"])
def test_half_written_checkpoint_is_refused(
    adapter: Path, recipe: Recipe, tmp_path: Path, use: str, capsys: pytest.CaptureFixture[str]
) -> None:
    half = tmp_path / "half"
    shutil.copytree(adapter, half)
    (half / "train_record.json").unlink()
    if use == "train":
        with pytest.raises(UserError, match="has not finished"):
            run_recipe(recipe(tmp_path / "out", adapter="lora", init_from=str(half)))
        return
    argv = ["--checkpoint", str(half)]
    assert (decompose.main([*argv, "--problem", "Who?"]) if use == "decompose" else merge.main(argv)) == 2
    assert "has not finished" in capsys.readouterr().err
