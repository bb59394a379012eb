"""Choice of checkpoint: the best by validation is published, the last is kept; a run may stop when it gets worse."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from safetensors.torch import load_file

from dataset_builder.core.errors import UserError
from recipes.config.recipe import RecipeConfig, check_recipe
from recipes.train import run_recipe
from recipes.training import selection as module
from recipes.training.record import read_train_record
from recipes.training.selection import score_texts

Recipe = Callable[..., RecipeConfig]
SET = " <QUE> How many pens? </QUE> <QUE> What do they cost? </QUE>"


def scores(monkeypatch: pytest.MonkeyPatch, values: list[float]) -> None:
    """Makes the checkpoints of a run score these values, one after the other."""
    left = iter(values)
    known: dict[str, Any] = {"granularity": 1.0, "readable": 1.0}
    monkeypatch.setattr(module, "score_texts", lambda *_: {"fluency": next(left), **known})


def choosing(recipe: Recipe, output: Path, **changes: Any) -> RecipeConfig:
    return recipe(output, **({"choose_by": "fluency", "choose_examples": 2, "save_steps": 1} | changes))


def test_best_checkpoint_is_published_and_the_last_is_kept(
    recipe: Recipe, bc_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores(monkeypatch, [0.1, 0.5, 0.3, 0.2])
    out = run_recipe(choosing(recipe, tmp_path / "out"))
    record = read_train_record(out)
    assert (record.chosen_update, record.updates) == (2, 4)
    assert [line["fluency"] for line in record.details["choice"]["history"]] == [0.1, 0.5, 0.3, 0.2]
    last, straight = (load_file(folder / "model.safetensors") for folder in (out / "last", bc_checkpoint))
    assert all(weight.equal(last[name]) for name, weight in straight.items())
    scores(monkeypatch, [1.0])
    two = load_file(run_recipe(recipe(tmp_path / "two", max_steps=2)) / "model.safetensors")
    published = load_file(out / "model.safetensors")
    assert all(weight.equal(published[name]) for name, weight in two.items())
    assert not (out / "checkpoints").exists()


def test_last_checkpoint_that_is_the_best_is_published_alone(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores(monkeypatch, [0.1, 0.2])
    out = run_recipe(choosing(recipe, tmp_path / "out", max_steps=2))
    assert read_train_record(out).chosen_update is None
    assert not (out / "last").exists()


def test_run_stops_when_nothing_gets_better(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores(monkeypatch, [0.5, 0.4, 0.4, 0.6])
    out = run_recipe(choosing(recipe, tmp_path / "out", early_stopping=2))
    record = read_train_record(out)
    assert (record.updates, record.chosen_update) == (3, 1)


def test_solver_command_chooses_by_its_last_line(recipe: Recipe, tmp_path: Path) -> None:
    code = "import sys, json; rows = [json.loads(line) for line in open(sys.argv[1])]; "
    code += "assert rows[0].keys() == {'problem_id', 'prompt', 'sub_questions'}; print('noise'); print(len(rows) / 4)"
    (tmp_path / "solver.py").write_text(code, encoding="utf-8")
    command = f"{sys.executable} {tmp_path / 'solver.py'} {{questions}}"
    out = run_recipe(choosing(recipe, tmp_path / "out", max_steps=1, choose_by="solver", solver_command=command))
    assert read_train_record(out).details["choice"]["best"]["accuracy"] == 0.5


def test_solver_is_asked_in_this_process(reward_recipe: Recipe, tmp_path: Path) -> None:
    world = {"solver": "openai:micro-gsm-solver", "solver_base_url": "micro_gsm", "choose_by": "solver"}
    out = run_recipe(reward_recipe(tmp_path / "out", max_steps=2, save_steps=1, choose_examples=4, **world))
    choice = read_train_record(out).details["choice"]
    assert choice["by"] == "accuracy"
    assert [0.0 <= line["accuracy"] <= 1.0 for line in choice["history"]] == [True, True]


def test_solver_that_fails_is_left_out_and_the_run_goes_on(recipe: Recipe, tmp_path: Path) -> None:
    config = choosing(recipe, tmp_path / "out", max_steps=1, choose_by="solver", solver_command="false {questions}")
    record = read_train_record(run_recipe(config))
    assert record.details["choice"]["history"][0]["accuracy"] is None
    assert record.chosen_update is None


def test_quality_of_the_reference_itself_is_one_and_of_unreadable_text_zero() -> None:
    perfect = score_texts([SET], [SET], "decomposer")
    assert perfect == {"fluency": pytest.approx(1), "granularity": 1, "readable": 1}
    assert score_texts(["no delimiter"], [SET], "decomposer") == {"fluency": 0, "granularity": 0, "readable": 0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"choose_by": "solver"}, "--solver_command"), ({"early_stopping": 2}, "needs --choose_by")],
)
def test_choice_that_cannot_be_made_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_recipe(RecipeConfig(**changes))


def test_scores_after_the_checkpoint_a_run_resumes_from_are_forgotten(recipe: Recipe, tmp_path: Path) -> None:
    config = choosing(recipe, tmp_path / "out")
    folder = config.output / "checkpoints"
    folder.mkdir(parents=True)
    lines = [{"step": step, "fluency": step / 10, "accuracy": None} for step in (1, 2, 3)]
    (folder / module.HISTORY).write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    chooser = module.BestCheckpoint(config, Mock(), module.ValidationPrompts([], [], []), Mock())
    state = type("State", (), {"global_step": 2})()
    chooser.on_train_begin(None, state, None)
    assert chooser.best is not None
    assert chooser.best["step"] == 2
