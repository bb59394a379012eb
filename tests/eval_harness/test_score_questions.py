"""One number for a file of sub-questions: over loopback HTTP, paid for once, and one line for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.llm.journal import Journal
from dataset_builder.micro_gsm.problems import generate_problems
from eval_harness.score_questions import main

PROBLEMS = list(generate_problems("train", 40, 0))
Arguments = Callable[..., list[str]]


@pytest.fixture
def arguments(tmp_path: Path) -> Arguments:
    """Writes rows and gives the words of a command that scores them."""

    def make(*rows: dict[str, object]) -> list[str]:
        path = tmp_path / "q.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        world = ["--source", "micro_gsm", "--limit", "40", "--base_url", "micro_gsm", "--solver"]
        journal = ["--journal", str(tmp_path / "journal.sqlite")]
        return ["--questions", str(path), *world, "openai:micro-gsm-solver", *journal]

    return make


def rows(asked: Callable[[int], list[str]]) -> list[dict[str, object]]:
    """Every second problem, so that the file is no prefix of the source."""
    return [{"problem_id": PROBLEMS[n].problem_id, "sub_questions": asked(n)} for n in range(1, 40, 2)]


def test_good_questions_are_answered_better_than_the_goal_alone_and_unreadable_ones_count_as_wrong(
    arguments: Arguments, capsys: pytest.CaptureFixture[str]
) -> None:
    shares = []
    for asked in (
        lambda n: list(PROBLEMS[n].reference_sub_questions),
        lambda n: list(PROBLEMS[n].reference_sub_questions[-1:]),
        lambda n: [],
    ):
        assert main(arguments(*rows(asked))) == 0
        shares.append(float(capsys.readouterr().out.splitlines()[-1]))
    assert shares[0] > shares[1] + 0.2
    assert shares[2] == 0


def test_the_same_questions_are_paid_for_once(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = arguments(*rows(lambda n: list(PROBLEMS[n].reference_sub_questions)))
    printed, kept = [], []
    for _ in range(2):
        assert main(words) == 0
        printed.append(capsys.readouterr().out.splitlines()[-1])
        with Journal(tmp_path / "journal.sqlite") as journal:
            kept.append(len(journal))
    assert printed[0] == printed[1]
    assert kept == [20, 20]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"problem_id": "micro_gsm-train-99999", "sub_questions": ["Why?"]}, "not among the 40 problems"),
        ({"sub_questions": ["Why?"]}, "row 1: no problem_id"),
    ],
)
def test_rows_of_other_problems_are_refused(
    row: dict[str, object], message: str, arguments: Arguments, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(row)) == 2
    assert message in capsys.readouterr().err


def test_no_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--questions", str(tmp_path / "none.jsonl"), "--source", "micro_gsm"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "name the file" in lines[0]
    assert "no file" in lines[1]
