"""Who answers: one protocol, four kinds, named on the command line as `kind:argument`.

    openai:MODEL         an OpenAI-compatible endpoint (`dataset_builder.solving.endpoint`)
    transformers:PATH    a model in this process, decoded in batches with a KV cache and stop strings; a checkpoint
                         that was trained here gets the token ids it was trained on, any other its own chat template
    vllm:PATH            vLLM in this process (the extra `vllm`)
    recorded:FILE        responses on disk

A solver knows nothing of sub-questions: it completes texts. A reply is cut at the first stop string whoever wrote it,
because a base model continues by inventing the next problem, and a number from there is no answer to this one.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import public_name
from dataset_builder.core.values import check_installed
from dataset_builder.llm.request import Request, Response
from dataset_builder.schema.records import Problem
from dataset_builder.solving.completions import ask_in_process, to_reply, to_request
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions
from dataset_builder.solving.records import CompletionRequest, Reply, Solver
from dataset_builder.solving.texts import STUDENT_TEXT
from eval_harness.systems.fingerprint import checkpoint_fingerprint
from eval_harness.systems.recorded import RecordedSolver
from recipes.config.methods import student_of
from recipes.data.trained_problems import TrainedProblems, find_trained_problems
from recipes.models.checkpoint import recorded_format
from recipes.training.record import find_train_record

if TYPE_CHECKING:
    from eval_harness.systems.in_process import InProcessModel

KINDS = ("openai:MODEL", "transformers:PATH", "vllm:PATH", "recorded:FILE")


@dataclass
class InProcessSolver:
    """A model in this process: `kind` transformers or vllm. Its weights are loaded only when they are needed."""

    kind: str
    """transformers or vllm."""
    path: str
    """Folder or Hub id."""
    options: SolverOptions
    """Journal, limits and temperature."""

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
            label=f"solve {self.metadata['label']}",
        )
        return [to_reply(response, item.stop) for response, item in zip(responses, requests, strict=True)]

    def with_journal(self, journal: Path) -> InProcessSolver:
        """The same solver, with its weights where they are loaded, for another journal."""
        duplicate = copy.copy(self)
        duplicate.options = replace(self.options, journal=journal)
        return duplicate

    def load(self) -> InProcessModel:
        """The weights, loaded the first time."""
        from eval_harness.systems.in_process import load_transformers, load_vllm

        if self._model is None:
            self._model = load_transformers(self.path) if self.kind == "transformers" else load_vllm(self.path)
        return self._model

    def _answer(self, batch: Sequence[Request]) -> list[Response]:
        return self.load().answer(batch)


def make_solver(spec: str, options: SolverOptions, problems: Sequence[Problem]) -> Solver:
    """The solver that `kind:argument` names.

    Raises:
        UserError: no such kind, its argument is missing, or the recorded file is not there.
    """
    kind, _, argument = spec.partition(":")
    if not argument or kind not in ("openai", "transformers", "vllm", "recorded"):
        raise UserError(f"solver {spec!r}: expected one of {', '.join(KINDS)}")
    if kind == "openai":
        return EndpointSolver(argument, options)
    if kind == "recorded":
        if not Path(argument).is_file():
            raise UserError(f"no recorded responses {argument}; give an existing jsonl file")
        return RecordedSolver(Path(argument), problems)
    check_installed("torch")
    return InProcessSolver(kind, argument, options)
