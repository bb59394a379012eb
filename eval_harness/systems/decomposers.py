"""Where sub-questions come from: one protocol, six kinds, named on the command line as `kind` or `kind:argument`.

    checkpoint:PATH     a trained decomposer (full or adapter), decoded greedily in this process
    api:MODEL           a model behind an OpenAI-compatible endpoint, asked with the decompose prompt
    recorded:FILE       sub-questions on disk: a jsonl file, or a dataset folder's default config
    published:FILE      the paper's published sub-questions (`published`)
    reference           the source's human (or exact) sub-questions
    none                no decomposition: the solver gets the bare problem (`solving.single_stage` has other forms)

A row's label is read from what made it: a checkpoint's own `train_record.json`, else the kind or the file's name.
Weights are loaded lazily, so that scoring an API model needs no torch.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import public_name
from dataset_builder.core.values import check_installed
from dataset_builder.llm.request import Request, Response
from dataset_builder.prompts import Prompt, load_prompt
from dataset_builder.schema.records import Problem
from dataset_builder.solving.completions import ask_in_process, timed, to_reply
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions
from dataset_builder.solving.records import CompletionRequest, Decomposition, Reply
from dataset_builder.solving.single_stage import SINGLE_STAGE, is_single_stage
from dataset_builder.solving.texts import fill_prompt, read_decomposition
from dataset_builder.text.student_format import format_student_prompt
from eval_harness.systems.published import published_decomposer
from eval_harness.systems.recorded import RecordedDecomposer
from recipes.data.trained_problems import TrainedProblems, find_trained_problems
from recipes.models.checkpoint import check_holds_model, checkpoint_fingerprint
from recipes.training.record import find_train_record

if TYPE_CHECKING:
    from recipes.models.policy import Policy

KINDS = ("checkpoint:PATH", "api:MODEL", "recorded:FILE", "published:FILE", "reference", *SINGLE_STAGE)
_FROM_RECORD = ("recipe", "recipe_sha256", "backbone", "adapter")


class Decomposer(Protocol):
    """Gives the sub-questions of each problem.

    `metadata` says what it is (kind, label, ...) and goes into the results record; `prompts` names its prompts.
    """

    metadata: dict[str, Any]
    prompts: dict[str, Prompt]

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        """One decomposition per problem, in their order; a failure of one problem is a record."""
        ...


@dataclass(frozen=True)
class DecomposerOptions(SolverOptions):
    """What the kinds need besides their argument: what a solver needs, and more."""

    max_new_tokens: int = 200
    """A checkpoint's limit per set of sub-questions."""
    reply_tokens: int = 512
    """An API decomposer's limit per reply, its reasoning included."""
    cap: int = 0
    """Most sub-questions that an API decomposer is told to ask; 0: any number."""
    prompt: str = ""
    """An API decomposer's prompt; empty: the usual one, with or without a cap."""
    four_bit: bool = False
    """Load a checkpoint in 4 bit."""


@dataclass
class ReferenceDecomposer:
    """The sub-questions that come with the problems."""

    metadata: dict[str, Any] = field(default_factory=lambda: {"kind": "reference", "label": "reference"})
    prompts: dict[str, Prompt] = field(default_factory=dict)

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
    """No sub-questions: `style` says how the solver is asked instead (`SINGLE_STAGE`)."""

    style: str
    """One of SINGLE_STAGE, perhaps with @K votes."""

    def __post_init__(self) -> None:
        self.metadata: dict[str, Any] = {"kind": self.style, "label": self.style}
        self.prompts: dict[str, Prompt] = {}

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        return [Decomposition(none_needed=True) for _ in problems]


@dataclass
class ApiDecomposer:
    """A model behind an endpoint, asked with the decompose prompt (with the capped one where `cap` is set)."""

    model: str
    """As the endpoint names it."""
    options: DecomposerOptions
    """Endpoint, journal, prompt and cap."""

    def __post_init__(self) -> None:
        options = self.options
        self.prompt = load_prompt(options.prompt or ("decompose_capped.v1" if options.cap else "decompose.v1"))
        if "{cap}" in self.prompt.text and not options.cap:
            raise UserError(f"prompt {self.prompt.name} tells the cap; give one with --max_sub_questions")
        self.prompts = {"decompose": self.prompt}
        self._endpoint = EndpointSolver(self.model, replace(options, max_new_tokens=options.reply_tokens))
        self.metadata: dict[str, Any] = self._endpoint.metadata | {"kind": "api"}

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        cap = {"cap": str(self.options.cap)} if "{cap}" in self.prompt.text else {}
        texts = [fill_prompt(self.prompt, problem, **cap) for problem in problems]
        requests = [
            CompletionRequest(problem.problem_id, "decompose", text, sample_index=seed)
            for problem, text in zip(problems, texts, strict=True)
        ]
        replies = self._endpoint.complete(requests)
        self.metadata |= self._endpoint.metadata | {"kind": "api"}
        return [_from_reply(reply) for reply in replies]


@dataclass
class CheckpointDecomposer:
    """A trained decomposer; its weights are loaded only when some problem is not in the journal yet."""

    path: Path
    """Folder or Hub id."""
    options: DecomposerOptions
    """Journal, limits and precision."""

    def __post_init__(self) -> None:
        record = find_train_record(self.path)
        self.prompts: dict[str, Prompt] = {}
        self.metadata: dict[str, Any] = {
            "kind": "checkpoint",
            "label": record.method if record else self.path.name,
            "checkpoint": public_name(str(self.path)),
            "weights_sha256": checkpoint_fingerprint(self.path),
            **{name: getattr(record, name) if record else None for name in _FROM_RECORD},
            "train_seed": record.seed if record else None,
            "four_bit": self.options.four_bit,
            "decoding": {"temperature": 0.0, "max_new_tokens": self.options.max_new_tokens},
        }
        self._policy: Policy | None = None

    @functools.cached_property
    def trained(self) -> TrainedProblems | None:
        """The problems that it was trained on; None for a model of other origin."""
        return find_trained_problems(str(self.path))

    def with_journal(self, journal: Path) -> CheckpointDecomposer:
        """The same decomposer, with its weights where they are loaded, for another journal."""
        duplicate = copy.copy(self)
        duplicate.options = replace(self.options, journal=journal)
        return duplicate

    def load(self) -> Policy:
        """The weights, loaded the first time."""
        from recipes.modeling import load_policy

        if self._policy is None:
            self._policy = load_policy(str(self.path), four_bit=self.options.four_bit)
        return self._policy

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        by_id = {problem.problem_id: problem for problem in problems}
        model = f"checkpoint:{self.metadata['label']}@{self.metadata['weights_sha256'][:16]}"
        requests = [
            Request(
                task="decompose",
                model=model + (":4bit" if self.options.four_bit else ""),
                messages=({"role": "user", "content": format_student_prompt(problem.problem, problem.passage)},),
                decoding=self.metadata["decoding"],
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
            label=f"decompose {self.metadata['label']}",
        )
        return [_from_reply(to_reply(response), delimited=True) for response in responses]

    def _complete(self, batch: Sequence[Request], problems: Sequence[Problem]) -> list[Response]:
        policy, limit = self.load(), self.options.max_new_tokens
        responses = timed(
            lambda: policy.generate(problems, max_new_tokens=limit, batch_size=self.options.batch_size), batch
        )
        prompts = policy.encode([request.messages[-1]["content"] for request in batch])
        return [
            replace(
                response,
                prompt_tokens=len(prompt),
                completion_tokens=len(policy.tokenizer(response.text or "")["input_ids"]),
            )
            for response, prompt in zip(responses, prompts, strict=True)
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
    if kind not in ("api", "checkpoint", "recorded", "published") or not argument:
        raise UserError(f"decomposer {spec!r}: expected one of {', '.join(KINDS)}")
    if kind == "api":
        return ApiDecomposer(argument, options)
    if kind == "published":
        return published_decomposer(argument)
    path = Path(argument)
    if kind == "checkpoint":
        check_installed("torch")
    if kind == "recorded":
        if not path.exists():
            raise UserError(f"no recorded sub-questions {path}; give a jsonl file or a dataset folder")
        return RecordedDecomposer(path)
    check_holds_model(argument)
    return CheckpointDecomposer(path, options)


def _from_reply(reply: Reply, *, delimited: bool = False) -> Decomposition:
    if reply.failure is not None:
        return Decomposition(text=reply.text, failure=reply.failure, usage=reply.usage)
    return replace(read_decomposition(reply.text, delimited=delimited), usage=reply.usage)
