"""Who answers: one protocol, four kinds, named on the command line as `kind:argument`.

    openai:MODEL         an OpenAI-compatible endpoint (OpenAI, vLLM, Ollama, llama.cpp, transformers serve, MicroGSM)
    transformers:PATH    a model in this process, decoded in batches with a KV cache and stop strings; a checkpoint
                         that was trained as a solver (solver_teacher, ...) gets the text it was trained on
    vllm:PATH            vLLM in this process (the extra `vllm`)
    recorded:FILE        responses on disk

A solver knows nothing of sub-questions: it completes texts. A reply is cut at the first stop string whoever wrote it,
because a base model goes on to invent the next problem, and a number from there is no answer to this one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from dataset_builder.core.errors import UserError
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Problem
from dataset_builder.text.parsing import cut_at_stop
from eval_harness.records.predictions import Reply
from eval_harness.systems.completions import ask, ask_in_process, failure_of, usage_of
from eval_harness.systems.fingerprint import checkpoint_fingerprint, train_record
from eval_harness.systems.recorded import answers_text, match_rows, read_jsonl

KINDS = ("openai:MODEL", "transformers:PATH", "vllm:PATH", "recorded:FILE")
STOP_STRING = "stop_string"  # why a model in this process ended; an endpoint says "stop" for end of text, too
STOPS_PER_REQUEST = 4  # OpenAI's limit; the reply is cut at all of them here anyway


@dataclass(frozen=True, slots=True)
class Question:
    """One text to complete. `task` names it in the journal; `sample_index` tells repeats apart."""

    problem_id: str
    task: str
    text: str
    stop: tuple[str, ...] = ()
    sample_index: int = 0


class Solver(Protocol):
    """Completes texts. `facts` says what it is (kind, label, decoding, ...) and goes into the results record."""

    facts: dict[str, Any]

    def complete(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply per question, in their order, cut at the question's stop strings."""
        ...


@dataclass(frozen=True)
class SolverOptions:
    """What the kinds need besides their argument."""

    settings: ServiceSettings
    journal: Path
    temperature: float = 0.0
    max_new_tokens: int = 500
    batch_size: int = 64

    @property
    def decoding(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "max_tokens": self.max_new_tokens}


@dataclass
class OpenAISolver:
    """A model behind an endpoint, through the generator's client and journal."""

    model: str
    options: SolverOptions

    def __post_init__(self) -> None:
        self.facts: dict[str, Any] = {
            "kind": "openai",
            "label": self.model,
            "model": self.model,
            "decoding": self.options.decoding,
        }

    def complete(self, questions: Sequence[Question]) -> list[Reply]:
        requests = [_request(question, self.model, self.options.decoding) for question in questions]
        if not requests:
            return []
        responses = ask(requests, self.options.settings, self.options.journal, label=f"solve {self.model}")
        return [to_reply(response, question.stop) for response, question in zip(responses, questions, strict=True)]


@dataclass
class InProcessSolver:
    """A model in this process: `kind` transformers or vllm. Its weights are loaded only when they are needed."""

    kind: str
    path: str
    options: SolverOptions

    def __post_init__(self) -> None:
        record = train_record(Path(self.path))
        method = str(record.get("method", ""))
        self.facts: dict[str, Any] = {
            "kind": self.kind,
            "label": method or Path(self.path).name,
            "model": self.path,
            "weights_sha256": checkpoint_fingerprint(Path(self.path)),
            "recipe_sha256": record.get("recipe_sha256"),
            "reads": "student text" if method.startswith("solver_") else "prompt",
            "decoding": self.options.decoding,
        }
        self._model: Any = None

    def complete(self, questions: Sequence[Question]) -> list[Reply]:
        model = f"{self.kind}:{self.facts['label']}@{self.facts['weights_sha256'][:16]}"
        requests = [_request(question, model, self.options.decoding) for question in questions]
        responses = ask_in_process(
            requests,
            self._answer,
            self.options.journal,
            batch_size=self.options.batch_size if self.kind == "transformers" else max(1, len(requests)),
            label=f"solve {self.facts['label']}",
        )
        return [to_reply(response, question.stop) for response, question in zip(responses, questions, strict=True)]

    def _answer(self, batch: Sequence[Request]) -> list[Response]:
        from eval_harness.systems.in_process import load_transformers, load_vllm

        if self._model is None:
            self._model = load_transformers(self.path) if self.kind == "transformers" else load_vllm(self.path)
        return self._model.answer(batch)


@dataclass
class RecordedSolver:
    """Responses on disk; the problems they are of must be told before the first question."""

    path: Path
    problems: Sequence[Problem]

    def __post_init__(self) -> None:
        stem = self.path.name.removesuffix(".gz").removesuffix(".jsonl")
        content = self.path.read_bytes()
        self.facts: dict[str, Any] = {
            "kind": "recorded",
            "label": stem,
            "path": str(self.path),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        rows = match_rows(read_jsonl(self.path), self.problems, str(self.path))
        self._texts = {item.problem_id: answers_text(row) for item, row in zip(self.problems, rows, strict=True)}

    def complete(self, questions: Sequence[Question]) -> list[Reply]:
        return [cut_reply(self._texts[question.problem_id], question.stop) for question in questions]


def make_solver(spec: str, options: SolverOptions, problems: Sequence[Problem]) -> Solver:
    """The solver that `kind:argument` names.

    Raises:
        UserError: no such kind, its argument is missing, or the recorded file is not there.
    """
    kind, _, argument = spec.partition(":")
    if not argument or kind not in ("openai", "transformers", "vllm", "recorded"):
        raise UserError(f"solver {spec!r}: expected one of {', '.join(KINDS)}")
    if kind == "openai":
        return OpenAISolver(argument, options)
    if kind == "recorded":
        if not Path(argument).is_file():
            raise UserError(f"no recorded responses {argument}; give an existing jsonl file")
        return RecordedSolver(Path(argument), problems)
    return InProcessSolver(kind, argument, options)


def to_reply(response: Response, stop: Sequence[str]) -> Reply:
    """The response as a reply, cut at the stop strings."""
    failure, usage = failure_of(response, "answer"), usage_of(response)
    if failure is not None:
        return Reply(None, response.finish_reason, 0, failure, usage)
    if response.finish_reason == STOP_STRING:
        saved = int(response.request.decoding["max_tokens"]) - response.completion_tokens
        usage = replace(usage, saved_tokens=max(0, saved))
    cut = cut_reply(response.text, stop)
    return Reply(cut.text, response.finish_reason, cut.cut_characters, None, usage)


def cut_reply(text: str | None, stop: Sequence[str]) -> Reply:
    """A text as a reply: what follows the first stop string is thrown away and counted."""
    if not text:
        return Reply(text)
    kept, _ = cut_at_stop(text, stop)
    return Reply(kept, cut_characters=len(text) - len(kept))


def _request(question: Question, model: str, decoding: dict[str, Any]) -> Request:
    shaped = decoding | ({"stop": list(question.stop[:STOPS_PER_REQUEST])} if question.stop else {})
    if decoding["temperature"] > 0:
        shaped["seed"] = question.sample_index
    return Request(
        task=question.task,
        model=model,
        messages=({"role": "user", "content": question.text},),
        decoding=shaped,
        problem_id=question.problem_id,
        sample_index=question.sample_index,
    )
