"""The solver in this process: batches give what one prompt at a time gives, and stop where they are told to."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.request import Request
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.solving.endpoint import SolverOptions
from dataset_builder.solving.records import CompletionRequest
from eval_harness.systems.in_process import VllmModel, load_transformers
from eval_harness.systems.solvers import make_solver
from recipes.data.tokenize import NO_LOSS, build_token_rows
from recipes.models.chat_template import encode_prompts
from recipes.models.decoding import end_ids
from recipes.models.load import load_tokenizer
from recipes.training.in_process import TransformersModel
from tests.support.chat_templates import DATED, PLAIN, THINKING, TRIMMED, TURNS


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
    assert response.prompt_tokens == len(model.policy.tokenizer(texts[0])["input_ids"])
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
    questions = [CompletionRequest(f"t-{index}", "answer", text) for index, text in enumerate(texts)]
    first = make_solver(f"transformers:{tiny_model}", options, []).complete(questions)
    second = make_solver(f"transformers:{tiny_model}", options, [])
    assert second.complete(questions) == first
    assert getattr(second, "_model", "never set") is None
    assert all(reply.text is not None and reply.usage.completion_tokens == 5 for reply in first)


def trained_folder(tiny_model: Path, folder: Path, template: str, text_format: str) -> Path:
    """The tiny model as a finished run with a chat template would leave it; "" for one that was not trained here."""
    shutil.copytree(tiny_model, folder)
    tokenizer = load_tokenizer(str(folder))
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    if text_format:
        (folder / "recipe.yaml").write_text(f"text_format: {text_format}\n", encoding="utf-8")
    return folder


def sent_ids(model: TransformersModel, text: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The token ids that the weights are given for a request."""
    sent: list[list[int]] = []
    generate = model.policy.model.generate

    def record(**options: Any) -> Any:
        sent.extend(options["input_ids"].tolist())
        return generate(**options)

    monkeypatch.setattr(model.policy.model, "generate", record)
    model.answer(requests([text]))
    return sent[0]


@pytest.mark.parametrize("template", [PLAIN, THINKING, DATED, TRIMMED])
@pytest.mark.parametrize("text_format", ["chat", "delimiters"])
def test_a_trained_solver_is_sent_the_ids_it_was_trained_on(
    template: str, text_format: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_transformers(str(trained_folder(tiny_model, tmp_path / "solver", template, text_format)))
    rows = {"prompt": ["Ann has 3 pens. How many?\n"], "completion": [" 3 pens"]}
    (row,) = build_token_rows(rows, model.policy.tokenizer, text_format)
    trained_on = row["input_ids"][: row["labels"].count(NO_LOSS)]
    assert sent_ids(model, rows["prompt"][0], monkeypatch) == trained_on


def test_an_instruct_model_of_other_origin_is_sent_its_own_template(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_transformers(str(trained_folder(tiny_model, tmp_path / "instruct", THINKING, "")))
    own = model.policy.tokenizer("[user] Ann has 3 pens. [assistant] ", add_special_tokens=False)["input_ids"]
    assert sent_ids(model, "Ann has 3 pens.", monkeypatch) == own


def test_a_chat_reply_ends_where_the_template_ends_a_turn(tiny_model: Path, tmp_path: Path) -> None:
    folder = trained_folder(tiny_model, tmp_path / "solver", TURNS, "chat")
    tokenizer = load_tokenizer(str(folder))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<end_of_turn>"], "bos_token": "<unk>"})
    tokenizer.save_pretrained(folder)
    model = load_transformers(str(folder))
    assert tokenizer.convert_tokens_to_ids("<end_of_turn>") in end_ids(
        model.policy.model, model.policy.tokenizer, model.policy.text_format
    )


def test_vllm_is_sent_the_ids_the_solver_was_trained_on(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = load_tokenizer(str(trained_folder(tiny_model, tmp_path / "solver", THINKING, "chat")))
    reply = SimpleNamespace(text=" 3", stop_reason=None, finish_reason="stop", token_ids=[5])
    sent: list[list[int]] = []

    class Engine:
        def get_tokenizer(self) -> Any:
            return tokenizer

        def generate(self, prompts: list[dict[str, list[int]]], _: list[Any]) -> list[Any]:
            sent.extend(prompt["prompt_token_ids"] for prompt in prompts)
            return [SimpleNamespace(outputs=[reply], prompt_token_ids=prompt) for prompt in sent]

    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(SamplingParams=dict))
    (response,) = VllmModel(Engine(), "chat").answer(requests(["Ann has 3 pens.\n"]))
    assert sent == encode_prompts(tokenizer, ["Ann has 3 pens.\n"], "chat")
    assert (response.text, response.prompt_tokens) == (" 3", len(sent[0]))


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
