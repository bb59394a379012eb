"""Decomposers side by side without a solver: measured against references, each row with its n, written and printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.micro_gsm.problems import generate_problems
from eval_harness.question_quality import main

PROBLEMS = list(generate_problems("test", 20, 0))


def recorded(path: Path, sets: list[list[str]]) -> str:
    rows = [
        {"problem_id": item.problem_id, "sub_questions": asked} for item, asked in zip(PROBLEMS, sets, strict=True)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return f"recorded:{path}"


def test_rows_are_measured_against_the_references_and_unreadable_sets_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = [list(item.reference_sub_questions) for item in PROBLEMS]
    twice = [[asked[-1], asked[-1]] for asked in same]
    half = [asked if index % 2 else [] for index, asked in enumerate(same)]
    rows = [recorded(tmp_path / f"{name}.jsonl", sets) for name, sets in (("twice", twice), ("half", half))]
    world = ["--source", "micro_gsm", "--limit", "20", "--output", str(tmp_path / "out")]
    assert main([*world, "--decomposers", "reference", *rows]) == 0
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "out" / "quality.md").read_text(encoding="utf-8")
    written = json.loads((tmp_path / "out" / "quality.json").read_text(encoding="utf-8"))
    by_label = {row["label"]: row for row in written["rows"]}
    assert by_label["reference"]["fluency"] == by_label["reference"]["granularity"] == 1
    assert by_label["twice"]["sets_with_repetition"] == 1
    assert by_label["twice"]["fluency"] < 0.9
    assert (by_label["half"]["problems"], by_label["half"]["sets"]) == (20, 10)
    assert "micro_gsm test, 20 problems" in printed
    assert "1.00 (0.84 - 1.00)" in printed


def test_recorded_references_take_the_place_of_the_sources_own(tmp_path: Path) -> None:
    goal = [[item.reference_sub_questions[-1]] for item in PROBLEMS]
    file = recorded(tmp_path / "goal.jsonl", goal)
    words = ["--source", "micro_gsm", "--limit", "20", "--output", str(tmp_path / "out"), "--decomposers", file]
    assert main([*words, "--references", file.removeprefix("recorded:")]) == 0
    (row,) = json.loads((tmp_path / "out" / "quality.json").read_text(encoding="utf-8"))["rows"]
    assert row["fluency"] == 1
