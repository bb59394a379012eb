"""A checkpoint's folder says which problems its whole chain of starts was trained on, or that it is not known."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.text.likeness import fingerprint
from dataset_builder.text.student_format import format_student_prompt
from recipes.config.recipe import RecipeConfig
from recipes.data.trained_problems import (
    TrainedProblems,
    add_chosen_by,
    chain_of,
    find_trained_problems,
    lines_of,
    write_trained_problems,
)
from recipes.models.checkpoint import PROBLEMS_FILE, RECIPE_FILE
from recipes.train import run_recipe
from recipes.training.record import read_train_record

Recipe = Callable[..., RecipeConfig]
OLD, NEW, CHOSEN = "Ann has 3 pens.\n", "Ben has 4 pens.\n", "Cleo has 5 pens.\n"


def written(folder: Path, *prompts: str, unknown_start: str = "") -> str:
    folder.mkdir()
    write_trained_problems(TrainedProblems(lines_of(prompts), [], unknown_start), folder)
    return str(folder)


def test_a_run_lists_the_problems_of_its_rows(bc_checkpoint: Path) -> None:
    known = find_trained_problems(str(bc_checkpoint))
    assert known is not None
    assert known.trained_on == sorted(fingerprint(item.problem).line for item in generate_problems("train", 48, 0))
    assert known.unknown_start == ""
    assert read_train_record(bc_checkpoint).trained_problems == 48


def test_a_run_on_part_of_the_rows_lists_those_and_its_starts(recipe: Recipe, tmp_path: Path) -> None:
    start = run_recipe(recipe(tmp_path / "start", max_steps=1, max_examples=8))
    own = run_recipe(recipe(tmp_path / "own", max_steps=1, max_examples=12, init_from=str(start), adapter="lora"))
    shutil.rmtree(start)
    known = find_trained_problems(str(own))
    assert known is not None
    assert len(known.trained_on) == 12


def test_a_chain_holds_the_problems_of_every_start(tmp_path: Path) -> None:
    start = written(tmp_path / "start", OLD)
    chain = chain_of(RecipeConfig(init_from=start), [NEW, NEW], [CHOSEN])
    assert chain.trained_on == lines_of([OLD, NEW])
    assert chain.chosen_by == lines_of([CHOSEN])
    write_trained_problems(chain, tmp_path)
    assert find_trained_problems(str(tmp_path)) == chain


def test_a_backbone_that_was_trained_here_is_a_start(tmp_path: Path) -> None:
    backbone = written(tmp_path / "merged", OLD)
    assert chain_of(RecipeConfig(backbone=backbone), [NEW], []).trained_on == lines_of([OLD, NEW])


@pytest.mark.parametrize("files", [[], [RECIPE_FILE]], ids=["of other origin", "of an older run"])
def test_a_start_without_a_list_is_unknown_and_stays_so(tmp_path: Path, files: list[str]) -> None:
    start = tmp_path / "start"
    start.mkdir()
    for name in files:
        (start / name).write_text("method: bc\n", encoding="utf-8")
    chain = chain_of(RecipeConfig(init_from=str(start)), [NEW], [])
    assert (chain.trained_on, chain.unknown_start) == (lines_of([NEW]), "start")
    write_trained_problems(chain, start)
    assert chain_of(RecipeConfig(init_from=str(start)), [OLD], []).unknown_start == "start"


def test_a_checkpoint_of_an_older_run_is_unknown_and_another_model_has_no_list(tmp_path: Path) -> None:
    assert find_trained_problems(str(tmp_path)) is None
    (tmp_path / RECIPE_FILE).write_text("method: bc\n", encoding="utf-8")
    known = find_trained_problems(str(tmp_path))
    assert known is not None
    assert known.unknown_start == tmp_path.name


@pytest.mark.parametrize("text", ["", "[]", '{"trained_on": ["x"], "chosen_by": []}', '{"trained_on": []}', "{"])
def test_a_damaged_list_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / PROBLEMS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=PROBLEMS_FILE):
        find_trained_problems(str(tmp_path))


def test_a_run_chosen_by_validation_lists_those_problems_apart(recipe: Recipe, tmp_path: Path) -> None:
    chosen = run_recipe(recipe(tmp_path / "out", choose_by="fluency", choose_examples=3, max_steps=1))
    known = find_trained_problems(str(chosen))
    assert known is not None
    texts = [format_student_prompt(item.problem) for item in generate_problems("validation", 3, 0)]
    assert known.chosen_by == lines_of(texts)


def test_a_setting_that_is_chosen_later_adds_its_problems(tmp_path: Path) -> None:
    folder = Path(written(tmp_path / "values", OLD, unknown_start="x"))
    add_chosen_by(folder, [CHOSEN])
    add_chosen_by(folder, [CHOSEN, NEW])
    assert find_trained_problems(str(folder)) == TrainedProblems(lines_of([OLD]), lines_of([CHOSEN, NEW]), "x")
    add_chosen_by(tmp_path, [CHOSEN])
    assert not (tmp_path / PROBLEMS_FILE).exists()
