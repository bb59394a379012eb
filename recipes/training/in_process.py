"""A solver whose model answers in this process, through the run's journal; evaluation and training ask it alike.

`TransformersModel(policy).answer(requests)` decodes a batch through `recipes.models.decoding`. A checkpoint trained
here is sent the ids it was trained on, as its recipe's `text_format` says; a model of other origin reads its own chat
template with its maker's defaults, or the bare prompt where it has none. Prompts that do not fit the model's positions
are failures, never cut silently.

Speed: see `tests/benchmarks/bench_eval.py`, which compares with one prompt at a time.
"""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import public_name
from dataset_builder.llm.request import Request, Response
from dataset_builder.solving.completions import ask_in_process, to_reply, to_request
from dataset_builder.solving.endpoint import SolverOptions
from dataset_builder.solving.records import CompletionRequest, Reply
from dataset_builder.solving.texts import STUDENT_TEXT
from recipes.config.methods import student_of
from recipes.data.trained_problems import TrainedProblems, find_trained_problems
from recipes.models.chat_template import OWN
from recipes.models.checkpoint import check_finished, check_holds_model, checkpoint_fingerprint, recorded_format
from recipes.models.decoding import Completion, decode_batch, end_ids, positions
from recipes.models.load import default_device, hide_notices, load_model, load_tokenizer, local_copy
from recipes.models.policy import Policy
from recipes.training.record import find_train_record


class InProcessModel(Protocol):
    """What answers requests without a server."""

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """One response per request."""
        ...


@dataclass
class TransformersModel:
    """A causal LM, bare, with adapters or guided by values, that answers requests."""

    policy: Policy
    """Model, tokenizer and the text format it was trained on."""

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """One response per request; they must share their decoding."""
        start = time.perf_counter()
        limit = positions(self.policy.model)
        encoded = self.policy.encode(prompt_texts(requests))
        fitting = [index for index, ids in enumerate(encoded) if len(ids) < limit]
        completions = self._decode([encoded[index] for index in fitting], requests[0].decoding) if fitting else []
        seconds = (time.perf_counter() - start) / len(requests)
        replies = dict(zip(fitting, completions, strict=True))
        return [
            _response(request, len(encoded[index]), replies.get(index), limit, seconds)
            for index, request in enumerate(requests)
        ]

    def _decode(self, prompts: Sequence[Sequence[int]], decoding: dict[str, Any]) -> list[Completion]:
        policy = self.policy
        return decode_batch(
            policy.model,
            policy.tokenizer,
            prompts,
            ends=end_ids(policy.model, policy.tokenizer, policy.text_format),
            max_new_tokens=int(decoding["max_tokens"]),
            temperature=float(decoding["temperature"]),
            seed=int(decoding.get("seed", 0)),
            stops=tuple(decoding.get("stop", ())),
        )


def load_solver_model(path: str) -> TransformersModel:
    """A causal LM (folder or Hub id, full or adapter), on a GPU if there is one.

    Raises:
        UserError: it cannot be loaded.
    """
    check_finished(path)
    hide_notices()
    source = local_copy(path)
    model = load_model(source, default_device())
    return TransformersModel(Policy(model, load_tokenizer(source), recorded_format(source) or OWN, path))


@dataclass
class InProcessSolver:
    """A model in this process. Its weights are loaded only when they are needed."""

    kind: str
    """transformers or vllm."""
    path: str
    """Folder or Hub id."""
    options: SolverOptions
    """Journal, limits and temperature."""
    loader: Callable[[str], InProcessModel] = load_solver_model
    """Loads what the path names."""

    def __post_init__(self) -> None:
        record = find_train_record(self.path)
        method = record.method if record else ""
        text_format = recorded_format(self.path)
        self.metadata: dict[str, Any] = {
            "kind": self.kind,
            "label": method or Path(self.path).name,
            "model": public_name(self.path),
            "weights_sha256": checkpoint_fingerprint(Path(self.path)),
            "recipe_sha256": record.recipe_sha256 if record else None,
            "reads": STUDENT_TEXT if student_of(method) == "solver" else "prompt",
            "decoding": self.options.decoding,
        }
        if text_format:
            self.metadata["text_format"] = text_format
        self._model: InProcessModel | None = None

    @functools.cached_property
    def trained(self) -> TrainedProblems | None:
        """The problems that it was trained on; None for a model of other origin."""
        return find_trained_problems(self.path)

    def complete(self, requests: Sequence[CompletionRequest]) -> list[Reply]:
        model = f"{self.kind}:{self.metadata['label']}@{self.metadata['weights_sha256'][:16]}"
        if "text_format" in self.metadata:
            model += f":{self.metadata['text_format']}"
        asked = [to_request(item, model, self.options.decoding) for item in requests]
        responses = ask_in_process(
            asked,
            self._answer,
            self.options.journal,
            batch_size=self.options.batch_size if self.kind == "transformers" else max(1, len(requests)),
            label=f"solve {self.metadata['label']}" if self.options.settings.progress else "",
        )
        return [to_reply(response, item.stop) for response, item in zip(responses, requests, strict=True)]

    def with_journal(self, journal: Path) -> InProcessSolver:
        """The same solver, with its weights where they are loaded, for another journal."""
        duplicate = copy.copy(self)
        duplicate.options = replace(self.options, journal=journal)
        return duplicate

    def load(self) -> InProcessModel:
        """The weights, loaded the first time."""
        if self._model is None:
            self._model = self.loader(self.path)
        return self._model

    def _answer(self, batch: Sequence[Request]) -> list[Response]:
        return self.load().answer(batch)


def check_solver_model(path: str) -> None:
    """Refuses what cannot answer a student's sub-questions, before anything is loaded.

    Raises:
        UserError: there is no such folder, it holds no model or an unfinished run, or it was trained as a decomposer.
    """
    checkpoint_fingerprint(Path(path))
    check_holds_model(path)
    check_finished(path)
    record = find_train_record(path)
    if record and student_of(record.method) != "solver":
        raise UserError(
            f"{path} is a decomposer ({record.method}), no solver; name a solver_* checkpoint, or another model"
        )


def prompt_texts(requests: Sequence[Request]) -> list[str]:
    """What each request asks to complete."""
    return [request.messages[-1]["content"] for request in requests]


def _response(
    request: Request, prompt_tokens: int, reply: Completion | None, positions: int, seconds: float
) -> Response:
    if reply is None:
        error = f"the prompt has {prompt_tokens} tokens, the model {positions} positions"
        return Response(request, None, cost_usd=0.0, latency_s=seconds, error_kind="bad_request", error=error)
    return Response(request, reply.text, reply.finish_reason, prompt_tokens, reply.tokens, 0.0, seconds)
