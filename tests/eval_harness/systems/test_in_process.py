"""The solver in this process: batches give what one prompt at a time gives, and stop where they are told to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.request import Request
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.solving.endpoint import SolverOptions
from dataset_builder.solving.records import CompletionRequest
from eval_harness.systems.in_process import TransformersModel, load_transformers
from eval_harness.systems.solvers import make_solver


def requests(texts: Sequence[str], stop: Sequence[str] = (), max_tokens: int = 12) -> list[Request]:
    decoding = {"temperature": 0.0, "max_tokens": max_tokens} | ({"stop": list(stop)} if stop else {})
    return [Request("answer", "tiny", ({"role": "user", "content": text},), decoding) for text in texts]


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> TransformersModel:
    return load_transformers(str(tiny_model))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [f"Problem: {problem.problem}\n\nAnswers:" for problem in generate_problems("test", 9, 0)]


def test_a_batch_of_unequal_lengths_gives_what_one_prompt_at_a_time_gives(
    model: TransformersModel, texts: list[str]
) -> None:
    batched = [response.text for response in model.answer(requests(texts))]
    alone = [model.answer(requests([text]))[0].text for text in texts]
    assert batched == alone
    assert len(set(batched)) > 1


def test_tokens_are_counted_by_the_tokenizer(model: TransformersModel, texts: list[str]) -> None:
    (response,) = model.answer(requests(texts[:1], max_tokens=7))
    assert response.prompt_tokens == len(model.tokenizer(texts[0])["input_ids"])
    assert response.completion_tokens == 7
    assert response.finish_reason == "length"


def test_a_row_stops_at_a_stop_string_and_the_others_go_on(model: TransformersModel, texts: list[str]) -> None:
    free = model.answer(requests(texts, max_tokens=30))
    word = str(free[0].text).split()[3]
    stopped = model.answer(requests(texts, stop=[word], max_tokens=30))
    assert stopped[0].finish_reason == "stop_string"
    assert stopped[0].completion_tokens < free[0].completion_tokens
    for before, after in zip(free, stopped, strict=True):
        assert str(before.text).startswith(str(after.text))
        assert word in str(after.text) or after.text == before.text


def test_what_stop_strings_saved_is_known_and_an_end_of_text_saves_nothing(
    tiny_model: Path, model: TransformersModel, texts: list[str], tmp_path: Path
) -> None:
    word = str(model.answer(requests(texts[:1], max_tokens=30))[0].text).split()[3]
    options = SolverOptions(ServiceSettings(), tmp_path / "journal.sqlite", max_new_tokens=30)
    solver = make_solver(f"transformers:{tiny_model}", options, [])
    (stopped,) = solver.complete([CompletionRequest("t-0", "answer", texts[0], (word,))])
    (free,) = solver.complete([CompletionRequest("t-0", "answer", texts[0], ("Zanzibar",))])
    assert stopped.usage.saved_tokens == 30 - stopped.usage.completion_tokens > 0
    assert free.usage.saved_tokens == 0


def test_a_prompt_that_does_not_fit_is_a_failure_and_its_neighbours_are_answered(model: TransformersModel) -> None:
    long, short = model.answer(requests(["Ann has 3 pens. " * 600, "Ann has 3 pens."]))
    assert long.error_kind == "bad_request"
    assert long.text is None
    assert short.ok


def test_the_solver_journals_each_batch_and_asks_nothing_twice(
    tiny_model: Path, texts: list[str], tmp_path: Path
) -> None:
    options = SolverOptions(ServiceSettings(), tmp_path / "journal.sqlite", max_new_tokens=5, batch_size=4)
    questions = [CompletionRequest(f"t-{place}", "answer", text) for place, text in enumerate(texts)]
    first = make_solver(f"transformers:{tiny_model}", options, []).complete(questions)
    second = make_solver(f"transformers:{tiny_model}", options, [])
    assert second.complete(questions) == first
    assert getattr(second, "_model", "never set") is None
    assert all(reply.text is not None and reply.usage.completion_tokens == 5 for reply in first)


def test_a_missing_solver_is_a_user_error(tmp_path: Path) -> None:
    options = SolverOptions(ServiceSettings(), tmp_path / "journal.sqlite")
    with pytest.raises(UserError, match="no checkpoint"):
        make_solver("transformers:outputs/nowhere", options, [])


def test_vllm_that_is_not_installed_names_the_extra(tiny_model: Path, tmp_path: Path) -> None:
    if "vllm" in sys.modules:
        pytest.skip("vLLM is installed here")
    solver = make_solver(f"vllm:{tiny_model}", SolverOptions(ServiceSettings(), tmp_path / "journal.sqlite"), [])
    with pytest.raises(UserError, match=r"gsm8k-ai-subq\[vllm\]"):
        solver.complete([CompletionRequest("t-0", "answer", "?")])
