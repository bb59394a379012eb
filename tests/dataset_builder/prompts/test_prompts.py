"""Prompts are locked texts, and none of their worked examples comes from a benchmark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder import prompts
from dataset_builder.core.errors import UserError
from dataset_builder.prompts import load_prompt
from dataset_builder.schema.records import normalise_text

NAMES = sorted(path.stem for path in prompts.FOLDER.glob("*.txt"))


def test_every_prompt_file_is_locked_and_every_lock_has_its_file() -> None:
    assert sorted(json.loads(prompts.LOCK.read_text())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_prompt_is_what_its_lock_says_and_has_a_place_for_the_problem(name: str) -> None:
    assert "{problem}" in load_prompt(name).text


def test_an_edited_prompt_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "decompose.v1.txt").write_text("Split {problem}.")
    (tmp_path / "prompts.lock.json").write_text(prompts.LOCK.read_text())
    monkeypatch.setattr(prompts, "FOLDER", tmp_path)
    monkeypatch.setattr(prompts, "LOCK", tmp_path / "prompts.lock.json")
    with pytest.raises(UserError, match="give a new wording a new version"):
        load_prompt.__wrapped__("decompose.v1")


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
