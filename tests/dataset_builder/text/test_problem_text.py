"""One locked prompt is one text, whoever asks with it: generation and evaluation join passage and problem alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.generate.stages import Stage
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.prompts import load_prompt
from dataset_builder.schema.records import Problem
from dataset_builder.solving import endpoint
from dataset_builder.text.problem_text import problem_text
from eval_harness.systems.decomposers import ApiDecomposer, DecomposerOptions

PROBLEM = Problem("d-0", "Who won?", "A", "drop", "test", "spans", passage="A beat B.")


def test_a_passage_comes_before_its_question_with_an_empty_line_between() -> None:
    assert problem_text(PROBLEM) == "A beat B.\n\nWho won?"


def test_a_problem_without_a_passage_is_its_own_text() -> None:
    assert problem_text(Problem("p", "How many?", "3", "gsm8k")) == "How many?"


@pytest.mark.parametrize("name", ["answer_words", "cot_few_shot_words", "direct_words", "self_ask_words"])
def test_worked_examples_with_a_passage_are_joined_like_the_problem_itself(name: str) -> None:
    parts = load_prompt(f"{name}.v1").text.split("Problem: ")[1:]
    examples = [part for part in parts if part.startswith("The Harrow")]
    assert examples
    assert all(part.split("\n\n")[1].startswith("Which station closed") for part in examples)


def test_generation_and_evaluation_send_the_same_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Request] = []

    def no_endpoint(requests: list[Request], *_: object, **options: object) -> list[Response]:
        sent.extend(requests)
        return [Response(request, None, error_kind="timeout") for request in requests]

    monkeypatch.setattr(endpoint, "ask", no_endpoint)
    ApiDecomposer("m", DecomposerOptions(ServiceSettings(), tmp_path)).decompose([PROBLEM], 0)
    generated = Stage("decompose", "m", load_prompt("decompose.v1"), {}).request(PROBLEM, 0)
    assert [request.messages for request in sent] == [generated.messages]
