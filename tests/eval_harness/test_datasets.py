"""Every dataset goes through a whole run: the right answers score 1, wrong ones 0, and DROP has its F1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.schema.records import Problem
from dataset_builder.sources import load_problems
from eval_harness.records.results import ResultsRecord, load_records
from eval_harness.run import main

LIMIT = 40
SETS = ("gsm8k", "gsm8k_socratic", "svamp", "multiarith", "gsm_hard", "drop", "bamboogle", "strategyqa")


def score(source: str, answers: list[str], problems: list[Problem], folder: Path) -> ResultsRecord:
    responses = folder / "responses.jsonl"
    rows = (
        {"problem_id": problem.problem_id, "answers": f"A1: Let me see.\n\nFinal answer: {answer}"}
        for problem, answer in zip(problems, answers, strict=True)
    )
    responses.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    options = ["--source", source, "--limit", str(LIMIT), "--decomposers", "none", "--output", str(folder / "out")]
    assert main([*options, "--solvers", f"recorded:{responses}"]) == 0
    return load_records(folder / "out")[0]


@pytest.fixture(autouse=True)
def use_local_files(subq_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBQ_DATA", str(subq_data))


@pytest.mark.data
@pytest.mark.parametrize("source", [*SETS, "micro_gsm"])
def test_right_answers_are_right_and_others_wrong(source: str, tmp_path: Path) -> None:
    problems = load_problems(source, "test", LIMIT)
    right = score(source, [problem.gold_answer for problem in problems], problems, tmp_path)
    assert (right.accuracy, right.mean_score, right.n) == (1.0, 1.0, LIMIT)
    swapped = {"yes": "no", "no": "yes"}
    wrong = score(source, [swapped.get(problem.gold_answer, "-7.25") for problem in problems], problems, tmp_path)
    assert wrong.counts["incorrect"] == LIMIT


@pytest.mark.data
def test_drop_pays_a_part_of_the_answer_in_f1_only(tmp_path: Path) -> None:
    problems = load_problems("drop", "test", LIMIT)
    record = score("drop", [f"{problem.gold_answer} Wumpus" for problem in problems], problems, tmp_path)
    assert record.accuracy < record.mean_score < 1
    assert "F1" in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert "answer_words" in record.prompts


@pytest.mark.data
def test_where_answers_are_no_spans_there_is_no_f1_column(tmp_path: Path) -> None:
    problems = load_problems("strategyqa", "test", LIMIT)
    score("strategyqa", [problem.gold_answer for problem in problems], problems, tmp_path)
    assert "F1" not in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
