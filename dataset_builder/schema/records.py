"""The records that cross a stage border, and the columns of every config of the published dataset.

    Problem        sources.py  -> generate.py, eval_harness      one word problem with its gold answer
    RawSet         generate.py, raw_sets/ -> build.py         one set of sub-questions as *texts*, uninterpreted
    LabelledSet    label.py    -> views.py, stats.py, card.py    the same set parsed, with votes and rewards

A `RawSet` is one line of `sets.jsonl`:

    {"problem": {"problem_id": "gsm8k-test-00001", "problem": "A robe takes 2 bolts ...", "gold_answer": "3", ...},
     "set_index": 0, "questions_text": "Q1: How many bolts of white ...", "answers_text": "A1: ...\\nFinal answer: 3",
     "feedback_texts": ["Q1: Yes\\nQ2: Yes", ...], "failures": [], "provenance": {"teacher": "gpt-3.5-turbo", ...}}
"""

from __future__ import annotations

import dataclasses
import hashlib
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dataset_builder.schema.verdicts import Verdict

if TYPE_CHECKING:
    from datasets import Features

SCHEMA_VERSION = "1.0.0"

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Problem:
    """One word problem.

    `gold_answer` is the answer as text ("70000", "1/3", "Pakistanis and Filipinos"); `gold_aliases` holds further
    right answers. `answer_kind` is a name of `answers.kinds`. `split` is where the source puts it.
    `reference_sub_questions` are a human's, where there are any.
    """

    problem_id: str
    problem: str
    gold_answer: str
    source: str
    split: Split = "train"
    answer_kind: str = "number"
    passage: str = ""
    solution: str = ""
    gold_aliases: tuple[str, ...] = ()
    reference_sub_questions: tuple[str, ...] = ()
    reference_sub_answers: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Problem:
        """The inverse of `dataclasses.asdict` after a trip through JSON."""
        tuples = ("gold_aliases", "reference_sub_questions", "reference_sub_answers")
        fields: dict[str, Any] = {key: tuple(value) if key in tuples else value for key, value in values.items()}
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a part of a set is missing. `stage`: decompose | answer | feedback; `kind`: one machine-readable word."""

    stage: str
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a set comes from: who was asked what, and what it took. Empty or zero where the source does not say.

    `prompts` maps a stage to "name.version@first 12 digits of its sha256". Token counts and cost cover all of the
    set's requests (one decompose, one answer, all votes).
    """

    source: str
    teacher: str = ""
    solver: str = ""
    prompts: dict[str, str] = field(default_factory=dict)
    temperature: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class RawSet:
    """One sub-question set as texts, exactly as they were received; a text that never came is None."""

    problem: Problem
    set_index: int
    questions_text: str | None
    answers_text: str | None
    feedback_texts: tuple[str | None, ...]
    failures: tuple[Failure, ...]
    provenance: Provenance

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RawSet:
        """The inverse of `to_dict` after a trip through JSON."""
        return cls(
            problem=Problem.from_dict(values["problem"]),
            set_index=values["set_index"],
            questions_text=values["questions_text"],
            answers_text=values["answers_text"],
            feedback_texts=tuple(values["feedback_texts"]),
            failures=tuple(Failure(**failure) for failure in values["failures"]),
            provenance=Provenance(**values["provenance"]),
        )


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A parsed set with its rewards.

    `votes[i][j]` is what feedback sample j says of sub-question i (None: that sample could not be read);
    `usefulness[i]` is the share of readable votes that say yes (None: no readable vote); both are empty where no
    feedback was asked for. `answer_correctness` is 1 for a right final answer, 0 for a wrong, missing or unreadable
    one, and None when the set was never answered. `verdict` tells these apart.
    """

    problem: Problem
    set_index: int
    sub_questions: tuple[str, ...]
    sub_answers: tuple[str, ...]
    final_answer: str | None
    verdict: Verdict
    answer_correctness: int | None
    votes: tuple[tuple[bool | None, ...], ...]
    usefulness: tuple[float | None, ...]
    failures: tuple[Failure, ...]
    provenance: Provenance

    @property
    def set_id(self) -> str:
        return f"{self.problem.problem_id}#{self.set_index}"


def normalise_text(text: str) -> str:
    """Text for comparing problems: NFKC, lower case, letters and digits only, single blanks.

    >>> normalise_text("Janet’s  ducks lay 16 eggs!")
    'janet s ducks lay 16 eggs'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(char if char.isalnum() else " " for char in folded).split())


def content_id(source: str, text: str) -> str:
    """A stable problem_id for a problem without one: the source's name and a hash of its normalised text."""
    return f"{source}-{hashlib.sha256(normalise_text(text).encode()).hexdigest()[:12]}"


def features(config: str) -> Features:
    """The columns of one config of the published dataset.

    Raises:
        KeyError: there is no such config.
    """
    from datasets import Features, List, Value

    text, number, flag = Value("string"), Value("float64"), Value("bool")
    texts = List(text)
    provenance = {
        "source": text,
        "teacher": text,
        "solver": text,
        "decompose_prompt": text,
        "answer_prompt": text,
        "feedback_prompt": text,
        "temperature": number,
        "prompt_tokens": Value("int64"),
        "completion_tokens": Value("int64"),
        "cost_usd": number,
    }
    ids = {"problem_id": text, "set_index": Value("int32")}
    columns: dict[str, dict[str, Any]] = {
        "default": {
            **ids,
            "problem": text,
            "passage": text,
            "sub_questions": texts,
            "sub_answers": texts,
            "final_answer": text,
            "gold_answer": text,
            "verdict": text,
            "answer_correctness": Value("int8"),
            "votes": List(List(flag)),
            "usefulness": List(number),
            "failures": List({"stage": text, "kind": text, "detail": text}),
            "provenance": provenance,
        },
        "raw": {"problem": text, "questions": texts, "answers": texts, "feedback": List(texts), "answer": text},
        "prompt_completion": {**ids, "prompt": text, "completion": text, "answer_correctness": Value("int8")},
        "preference": {"problem_id": text, "prompt": text, "chosen": text, "rejected": text, "reason": text},
        "unpaired_preference": {**ids, "prompt": text, "completion": text, "label": flag},
        "trajectories": {
            **ids,
            "prompt": text,
            "steps": texts,
            "step_rewards": List(number),
            "final_reward": number,
        },
        "solver": {
            **ids,
            "prompt": text,
            "completion": text,
            "answer_correctness": Value("int8"),
            "gold_answer": text,
        },
        "reference": {
            "problem_id": text,
            "problem": text,
            "sub_questions": texts,
            "sub_answers": texts,
            "gold_answer": text,
        },
    }
    return Features(columns[config])


CONFIGS = (
    "default",
    "raw",
    "prompt_completion",
    "preference",
    "unpaired_preference",
    "trajectories",
    "solver",
    "reference",
)
