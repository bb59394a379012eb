"""One problem in a shell: sub-questions, answers, final answer, tokens and cost, and nothing left behind."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from eval_harness.solve import main
from tests.support.fake_openai import events, serving

PROBLEM = (
    "Ben has 8 drums. Ana has 28 drums. Emil has 4 times as many drums as Ben. Dora has half as many drums as Emil. "
    "How many drums does Dora have?"
)
WORLD = ["--decomposer", "api:micro-gsm-teacher", "--solver", "openai:micro-gsm-solver", "--base_url", "micro_gsm"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    return tmp_path


def test_what_came_is_printed_with_cost_and_nothing_is_kept(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([PROBLEM, *WORLD, "--gold", "16"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4:2] == ["Q1: How many drums does Emil have?", "Q2: How many drums does Dora have?"]
    assert [line.partition(":")[0] for line in lines[1:4:2]] == ["A1", "A2"]
    assert lines[4] == "final answer: 16 (\N{CHECK MARK} correct)"
    assert lines[5].startswith("decompose: ")
    assert "tokens, no cost" in lines[5].partition("solve: ")[2]
    assert lines[6].startswith("together: ")
    assert list(here.iterdir()) == []


def test_without_a_right_answer_nothing_is_judged_and_a_typed_problem_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(PROBLEM.replace(". ", ".\n") + "\n\nnot this\n"))
    assert main(WORLD) == 0
    assert "\nfinal answer: 16\n" in capsys.readouterr().out


def test_no_sub_questions_are_an_error_that_tells_what_they_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["What is love?", *WORLD]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("error: no answer (no_questions): no Q1 in 'I can only read")
    assert "together: " in told.out
    assert "final answer" not in told.out


def test_price_and_journal_are_those_that_were_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = here / "log"
    with serving(log=str(log)) as url:
        words = ["How many?", "--solver", "openai:m", "--base_url", url, "--journal", "kept.sqlite"]
        for _ in range(2):
            assert main([*words, "--price_input", "1", "--price_output", "2"]) == 0
    assert len(events(log)) == 1
    assert "tokens, $0.0" in capsys.readouterr().out
    assert (here / "kept.sqlite").is_file()


def test_a_checkpoint_is_refused_before_anything_is_asked_where_torch_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    assert main([PROBLEM, "--decomposer", "checkpoint:org/model"]) == 2
    assert 'pip install "gsm8k-ai-subq[train]"' in capsys.readouterr().err
