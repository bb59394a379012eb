"""Where sub-questions come from: one protocol, five kinds, named on the command line as `kind` or `kind:argument`.

    checkpoint:PATH     a trained decomposer (full or adapter), decoded greedily in this process
    api:MODEL           a model behind an OpenAI-compatible endpoint, asked with the decompose prompt
    recorded:FILE       sub-questions on disk: a jsonl file, or a dataset folder's default config
    reference           the source's human (or exact) sub-questions
    none                no decomposition: the solver gets the bare problem (see `baselines.py` for its other forms)

A row's label is read from what made it: a checkpoint's own `train_record.json`, else the kind or the file's name.
`recipes` is imported only here, lazily, so that scoring an API model needs no torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from dataset_builder.core.errors import UserError
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.prompts import load_prompt
from dataset_builder.schema.records import Failure, Problem
from dataset_builder.text.parsing import ParseFailure, parse_delimited, parse_sub_questions
from dataset_builder.text.problem_text import problem_text
from dataset_builder.text.student_format import format_student_prompt
from eval_harness.pipeline.single_stage import SINGLE_STAGE, is_single_stage
from eval_harness.records.predictions import Decomposition
from eval_harness.systems.completions import ask, ask_in_process, failure_of, timed, usage_of
from eval_harness.systems.fingerprint import checkpoint_fingerprint, train_record
from eval_harness.systems.recorded import match_rows, questions_text, read_jsonl

KINDS = ("checkpoint:PATH", "api:MODEL", "recorded:FILE", "reference", *SINGLE_STAGE)


class Decomposer(Protocol):
    """Gives the sub-questions of each problem.

    `facts` says what it is (kind, label, ...) and goes into the results record; `prompts` names the prompts it uses.
    """

    facts: dict[str, Any]
    prompts: dict[str, str]

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        """One decomposition per problem, in their order; a failure of one problem is a record."""
        ...


@dataclass(frozen=True)
class DecomposerOptions:
    """What the kinds need besides their argument. `cap` 0 means any number of sub-questions."""

    settings: ServiceSettings
    journal: Path
    temperature: float = 0.0
    max_new_tokens: int = 200
    batch_size: int = 64
    cap: int = 0
    four_bit: bool = False


@dataclass
class ReferenceDecomposer:
    """The sub-questions that come with the problems."""

    facts: dict[str, Any] = field(default_factory=lambda: {"kind": "reference", "label": "reference"})
    prompts: dict[str, str] = field(default_factory=dict)

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        for problem in problems:
            if not problem.reference_sub_questions:
                raise UserError(
                    f"{problem.problem_id} has no reference sub-questions; leave out `reference`, or take a source "
                    "that has them (gsm8k_socratic, micro_gsm, bamboogle, strategyqa)"
                )
        return [Decomposition(problem.reference_sub_questions) for problem in problems]


@dataclass
class NoDecomposer:
    """No sub-questions: `style` says how the solver is asked instead (`baselines.SINGLE_STAGE`)."""

    style: str

    def __post_init__(self) -> None:
        self.facts: dict[str, Any] = {"kind": self.style, "label": self.style}
        self.prompts: dict[str, str] = {}

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        return [Decomposition(none_needed=True) for _ in problems]


@dataclass
class RecordedDecomposer:
    """Sub-questions on disk, read from a jsonl file or from a built dataset's default config."""

    path: Path

    def __post_init__(self) -> None:
        stem = self.path.name.removesuffix(".gz").removesuffix(".jsonl")
        self.facts: dict[str, Any] = {"kind": "recorded", "label": stem, "path": str(self.path)}
        self.prompts: dict[str, str] = {}
        if self.path.is_file():
            self.facts["sha256"] = hashlib.sha256(self.path.read_bytes()).hexdigest()

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        rows = self._dataset_rows(problems, seed) if self.path.is_dir() else read_jsonl(self.path)
        return [self._read(row) for row in match_rows(rows, problems, str(self.path))]

    def _dataset_rows(self, problems: Sequence[Problem], seed: int) -> list[dict[str, Any]]:
        from dataset_builder.dataset_folder.load import load_subq

        split = problems[0].split if problems else "test"
        rows = load_subq("default", split, str(self.path))
        return [dict(row) for row in rows if row["set_index"] == seed]

    def _read(self, row: dict[str, Any]) -> Decomposition:
        if isinstance(row.get("sub_questions"), list):
            return _from_questions(tuple(map(str, row["sub_questions"])), None)
        return read_sub_questions(questions_text(row))


@dataclass
class ApiDecomposer:
    """A model behind an endpoint, asked with the decompose prompt (with the capped one where `cap` is set)."""

    model: str
    options: DecomposerOptions

    def __post_init__(self) -> None:
        self.prompt = load_prompt("decompose_capped.v1" if self.options.cap else "decompose.v1")
        self.prompts = {"decompose": self.prompt.reference}
        self.decoding = {"temperature": self.options.temperature, "max_tokens": 512}
        self.facts: dict[str, Any] = {
            "kind": "api",
            "label": self.model,
            "model": self.model,
            "decoding": self.decoding,
        }

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        cap = {"cap": str(self.options.cap)} if self.options.cap else {}
        requests = [
            Request(
                task="decompose",
                model=self.model,
                messages=({"role": "user", "content": self.prompt.fill(problem=problem_text(problem), **cap)},),
                decoding=self.decoding | ({"seed": seed} if self.options.temperature > 0 else {}),
                problem_id=problem.problem_id,
                sample_index=seed,
            )
            for problem in problems
        ]
        responses = ask(requests, self.options.settings, self.options.journal, label=f"decompose {self.model}")
        return [_from_response(response) for response in responses]


@dataclass
class CheckpointDecomposer:
    """A trained decomposer; its weights are loaded only when some problem is not in the journal yet."""

    path: Path
    options: DecomposerOptions

    def __post_init__(self) -> None:
        record = train_record(self.path)
        self.prompts: dict[str, str] = {}
        self.facts: dict[str, Any] = {
            "kind": "checkpoint",
            "label": record.get("method", self.path.name),
            "checkpoint": str(self.path),
            "weights_sha256": checkpoint_fingerprint(self.path),
            "recipe": record.get("recipe"),
            "recipe_sha256": record.get("recipe_sha256"),
            "backbone": record.get("backbone"),
            "adapter": record.get("adapter"),
            "train_seed": record.get("seed"),
            "four_bit": self.options.four_bit,
            "decoding": {"temperature": 0.0, "max_new_tokens": self.options.max_new_tokens},
        }
        self._policy: Any = None

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        by_id = {problem.problem_id: problem for problem in problems}
        model = f"checkpoint:{self.facts['label']}@{self.facts['weights_sha256'][:16]}"
        requests = [
            Request(
                task="decompose",
                model=model + (":4bit" if self.options.four_bit else ""),
                messages=({"role": "user", "content": format_student_prompt(problem.problem, problem.passage)},),
                decoding=self.facts["decoding"],
                problem_id=problem.problem_id,
            )
            for problem in problems
        ]

        def complete(batch: Sequence[Request]) -> list[Response]:
            return self._complete(batch, [by_id[request.problem_id] for request in batch])

        responses = ask_in_process(
            requests,
            complete,
            self.options.journal,
            batch_size=self.options.batch_size,
            label=f"decompose {self.facts['label']}",
        )
        return [_from_response(response, delimited=True) for response in responses]

    def _complete(self, batch: Sequence[Request], problems: Sequence[Problem]) -> list[Response]:
        from recipes.modeling import load_policy

        if self._policy is None:
            self._policy = load_policy(str(self.path), four_bit=self.options.four_bit)
        policy, limit = self._policy, self.options.max_new_tokens
        responses = timed(
            lambda: policy.generate(problems, max_new_tokens=limit, batch_size=self.options.batch_size), batch
        )
        count = policy.tokenizer
        return [
            replace(
                response,
                prompt_tokens=len(count(response.request.messages[-1]["content"])["input_ids"]),
                completion_tokens=len(count(response.text or "")["input_ids"]),
            )
            for response in responses
        ]


def make_decomposer(spec: str, options: DecomposerOptions) -> Decomposer:
    """The decomposer that `kind` or `kind:argument` names.

    Raises:
        UserError: no such kind, its argument is missing, or the checkpoint or file is not there.
    """
    kind, _, argument = spec.partition(":")
    if kind == "reference":
        return ReferenceDecomposer()
    if not argument and is_single_stage(kind):
        return NoDecomposer(kind)
    if kind not in ("api", "checkpoint", "recorded") or not argument:
        raise UserError(f"decomposer {spec!r}: expected one of {', '.join(KINDS)}")
    if kind == "api":
        return ApiDecomposer(argument, options)
    path = Path(argument)
    if kind == "recorded":
        if not path.exists():
            raise UserError(f"no recorded sub-questions {path}; give a jsonl file or a dataset folder")
        return RecordedDecomposer(path)
    return CheckpointDecomposer(path, options)


def read_sub_questions(text: str | None, *, delimited: bool = False) -> Decomposition:
    """A decomposer's text -> its sub-questions, or the reason why there are none."""
    if text is not None and text.strip().rstrip(".").lower() == "none needed":
        return Decomposition(text=text, none_needed=True)
    parsed = parse_delimited(text or "") if delimited else parse_sub_questions(text or "")
    if isinstance(parsed, ParseFailure):
        return Decomposition(text=text, failure=Failure("decompose", f"parse:{parsed.kind}", parsed.detail))
    return _from_questions(parsed, text)


def _from_questions(questions: tuple[str, ...], text: str | None) -> Decomposition:
    if not questions:
        return Decomposition(text=text, failure=Failure("decompose", "parse:empty", "no sub-question"))
    return Decomposition(questions, text)


def _from_response(response: Response, *, delimited: bool = False) -> Decomposition:
    usage, failure = usage_of(response), failure_of(response, "decompose")
    if failure is not None:
        return Decomposition(text=response.text, failure=failure, usage=usage)
    return replace(read_sub_questions(response.text, delimited=delimited), usage=usage)
