"""Prompts are locked texts, and none of their worked examples comes from a benchmark."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataset_builder import prompts
from dataset_builder.core.errors import UserError
from dataset_builder.prompts import load_prompt
from dataset_builder.prompts.__main__ import main
from dataset_builder.schema.records import normalise_text

NAMES = sorted(path.stem for path in prompts.FOLDER.glob("*.txt"))


def test_every_prompt_file_is_locked_and_every_lock_has_its_file() -> None:
    assert sorted(json.loads(prompts.LOCK.read_text())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_prompt_is_what_its_lock_says_and_has_a_place_for_the_problem(name: str) -> None:
    assert "{problem}" in load_prompt(name).text


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package's prompts and their lock in a folder that a test may change."""
    folder = Path(shutil.copytree(prompts.FOLDER, tmp_path / "prompts"))
    monkeypatch.setattr(prompts, "FOLDER", folder)
    monkeypatch.setattr(prompts, "LOCK", folder / "prompts.lock.json")
    prompts._locked_prompt.cache_clear()
    yield folder
    prompts._locked_prompt.cache_clear()


def test_an_edited_prompt_is_refused(copied: Path) -> None:
    (copied / "decompose.v1.txt").write_text("Split {problem}.")
    with pytest.raises(UserError, match="give a new wording a new version"):
        load_prompt("decompose.v1")


def test_the_command_that_an_unlocked_prompt_names_locks_it(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copied / "decompose.v2.txt").write_text("Split {problem}.")
    with pytest.raises(UserError, match=r"`python -m dataset_builder\.prompts` locks it"):
        load_prompt("decompose.v2")
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert "added    decompose.v2 " in printed
    assert f"{len(NAMES) + 1} prompts locked" in printed
    assert load_prompt("decompose.v2").text == "Split {problem}."
    assert main([]) == 0
    assert "as they were" in capsys.readouterr().out


def test_a_changed_prompt_is_locked_only_when_that_is_asked_for(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "decompose.v1.txt").write_text("Split {problem}.")
    assert main([]) == 2
    assert "decompose.v1: locked with another text" in capsys.readouterr().err
    assert main(["--changed"]) == 0
    assert "changed  decompose.v1 " in capsys.readouterr().out
    assert load_prompt("decompose.v1").text == "Split {problem}."


def test_a_prompt_of_the_users_own_is_read_by_its_path_and_its_record_holds_its_text(tmp_path: Path) -> None:
    path = tmp_path / "physics.txt"
    path.write_text("Split this physics problem: {problem}\n")
    prompt = load_prompt(str(path))
    assert prompt.record == {
        "name": "physics",
        "sha256": prompt.sha256,
        "text": "Split this physics problem: {problem}",
    }
    assert prompt.reference == f"physics@{prompt.sha256[:12]}"
    assert "text" not in load_prompt("decompose.v1").record
    with pytest.raises(UserError, match="no prompt file"):
        load_prompt(str(tmp_path / "nowhere.txt"))


def test_an_unknown_prompt_names_those_there_are() -> None:
    with pytest.raises(UserError, match=r"decompose\.v1"):
        load_prompt("decompose.v99")


def test_braces_and_placeholders_inside_a_value_stay_as_they_are() -> None:
    filled = load_prompt("answer.v1").fill(problem="{sub_questions} and {x}", sub_questions="Q1: {problem}?")
    assert "Problem: {sub_questions} and {x}\n\nQ1: {problem}?\n\nAnswers:" in filled


def test_a_value_without_a_place_is_a_bug() -> None:
    with pytest.raises(UserError, match="no place for sub_questions"):
        load_prompt("decompose.v1").fill(problem="p", sub_questions="q")


def test_no_worked_example_is_a_gsm8k_item(subq_data: Path) -> None:
    items = {
        normalise_text(json.loads(line)["question"])
        for split in ("train", "test")
        for line in (subq_data / "gsm8k" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    }
    examples = {
        normalise_text(line.removeprefix("Problem:"))
        for name in NAMES
        for line in load_prompt(name).text.splitlines()
        if line.startswith("Problem:") and "{problem}" not in line
    }
    assert examples
    assert not examples & items
