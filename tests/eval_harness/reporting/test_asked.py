"""The prompts on the page are those that were sent, word for word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dataset_builder.llm.journal import Journal
from dataset_builder.schema.records import Problem
from dataset_builder.solving.records import Decomposition
from dataset_builder.text.parsing import format_sub_questions
from dataset_builder.text.student_format import format_student_prompt
from eval_harness.records.rows import load_rows
from eval_harness.reporting.asked import PASSAGE, PROBLEM, QUESTIONS, PromptTexts, asked_decomposer, asked_solver
from eval_harness.reporting.viewer import page_data
from eval_harness.run import main
from tests.eval_harness.records.test_results import make_record

PROBLEM_WITH_PASSAGE = Problem("p", "Who won?", "A", "made", "test", passage="A beat B.")


def filled(text: str, problem: dict[str, Any], questions: list[str]) -> str:
    """What the page's script makes of a text with places."""
    parts = {PROBLEM: problem["text"], PASSAGE: problem["passage"], QUESTIONS: format_sub_questions(questions)}
    return "".join(parts.get(letter, letter) for letter in text)


def test_the_pages_prompts_are_the_journals_requests(tmp_path: Path) -> None:
    grid = ["--decomposers", "reference", "api:micro-gsm-teacher", "none", "direct", "--base_url", "micro_gsm"]
    names = ["--source", "micro_gsm", "--limit", "3", "--solvers", "openai:micro-gsm-solver", *grid]
    assert main([*names, "--output", str(tmp_path)]) == 0
    data = page_data(load_rows(tmp_path), tmp_path, "none")
    shown = {
        filled(data["prompts"][number]["text"], problem, entry["questions"])
        for pair in data["pairs"]
        for problem, entry in zip(data["problems"], pair["runs"][0], strict=True)
        for number in entry["asked"]
        if number is not None
    }
    with Journal(tmp_path / "journal.sqlite", read_only=True) as journal:
        requests = [json.loads(text) for (text,) in journal.database.execute("SELECT request FROM texts")]
    assert shown == {request["messages"][-1]["content"] for request in requests}
    assert len(data["prompts"]) == 4  # decompose, answer, none and direct: each once, however many problems


def test_a_checkpoint_reads_the_text_it_was_trained_on() -> None:
    asked = asked_decomposer(make_record(decomposer={"kind": "checkpoint", "label": "bc"}), PROBLEM_WITH_PASSAGE)
    assert asked is not None
    assert asked.text == format_student_prompt("Who won?", "A beat B.")
    texts = PromptTexts()
    assert texts.number(asked, PROBLEM_WITH_PASSAGE, ()) == 0
    assert texts.as_list()[0]["text"] == f"{PASSAGE}\n{PROBLEM}\n"


def test_nothing_is_shown_where_nothing_was_sent_or_the_prompt_is_another_now() -> None:
    given = make_record(
        decomposer={"kind": "reference", "label": "reference"}, prompts={"answer": "answer.v1@000000000000"}
    )
    assert asked_decomposer(given, PROBLEM_WITH_PASSAGE) is None
    assert asked_solver(given, PROBLEM_WITH_PASSAGE, Decomposition(("Who?",))) is None
