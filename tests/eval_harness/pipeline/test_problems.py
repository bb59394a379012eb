"""A problem that a prompt shows solved is no test, and that is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder.build.splits import prompt_examples
from dataset_builder.schema.records import Problem
from eval_harness.pipeline.problems import warn_of_examples
from eval_harness.records.results import load_records
from eval_harness.run import main

EXAMPLES = [text for _, text in prompt_examples()]
SCARVES = next(text for text in EXAMPLES if text.startswith("Noor knits"))


@pytest.mark.parametrize(
    "text",
    [EXAMPLES[0], SCARVES, SCARVES.upper(), SCARVES.replace(" ", "  ") + "\n", EXAMPLES[-1]],
    ids=["the first", "another", "in capitals", "with blanks", "the last"],
)
def test_a_worked_example_among_the_problems_is_named(text: str, caplog: pytest.LogCaptureFixture) -> None:
    problem = Problem("mine-7", text, "3", "mine", "test")
    warn_of_examples([problem, replace(problem, problem_id="mine-8", problem="How many pens?")])
    assert "1 of 2 problems are shown solved by a prompt" in caplog.text
    assert "mine-7 is a worked example of " in caplog.text
    assert "mine-8" not in caplog.text


def test_a_worked_example_with_a_passage_is_named(caplog: pytest.LogCaptureFixture) -> None:
    text = next(text for text in EXAMPLES if text.startswith("The Harrow Valley"))
    passage, question = text.split("\n\n")
    warn_of_examples([Problem("mine-1", question, "Penn Cross", "mine", "test", "text", passage=passage)])
    assert "mine-1 is a worked example of" in caplog.text
    caplog.clear()
    warn_of_examples([Problem("mine-2", "When was Millbrook added?", "1923", "mine", "test", passage=passage)])
    assert caplog.text == ""


def test_other_numbers_make_another_problem(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_examples([Problem("mine-1", SCARVES.replace("32", "34"), "3", "mine", "test")])
    assert caplog.text == ""


def test_a_run_says_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "mine.jsonl").write_text(json.dumps({"question": SCARVES, "answer": "6"}) + "\n", encoding="utf-8")
    words = ["--source", str(tmp_path / "mine.jsonl"), "--output", str(tmp_path / "out"), "--base_url", "micro_gsm"]
    assert main([*words, "--decomposers", "none", "--solvers", "openai:micro-gsm-solver", "--baseline", "none"]) == 0
    assert "1 of 1 problems are shown solved by a prompt" in caplog.text
    (record,) = load_records(tmp_path / "out")
    assert record.overlap is not None
    assert (record.overlap.prompts.same, record.is_evaluation) == (1, False)
    for name in ("table.md", "report.md", "page.html"):
        assert "A prompt of none with micro-gsm-solver shows 1 of the 1 problems solved" in (
            tmp_path / "out" / name
        ).read_text(encoding="utf-8")
    assert "| 1 in a prompt " in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
