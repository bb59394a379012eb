"""The records that cross a stage border.

    Problem        sources -> generate, eval_harness         one word problem with its gold answer
    RawSet         generate, published files -> build        one set of sub-questions as *texts*, uninterpreted
    LabelledSet    build.label -> build.views                the same set parsed, with votes and rewards

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
from typing import Any, Literal

from dataset_builder.schema.verdicts import Verdict

SCHEMA_VERSION = "1.0.0"

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Problem:
    """One word problem."""

    problem_id: str
    """Stable and unique: source, split and index there, or a hash of the text."""
    problem: str
    """The problem's text."""
    gold_answer: str
    """The right answer as text: "70000", "1/3", "Pakistanis and Filipinos"."""
    source: str
    """The named source, or the user's file without its ending."""
    split: Split = "train"
    """Where the source puts it."""
    answer_kind: str = "number"
    """A name of `answers.kinds`: how an answer is read and compared."""
    passage: str = ""
    """What the problem refers to, where it comes with a text."""
    solution: str = ""
    """The source's worked solution, where it has one."""
    gold_aliases: tuple[str, ...] = ()
    """Further right answers."""
    reference_sub_questions: tuple[str, ...] = ()
    """A human's decomposition, where there is one."""
    reference_sub_answers: tuple[str, ...] = ()
    """The answers to these, in their order."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Problem:
        """The inverse of `dataclasses.asdict` after a trip through JSON."""
        tuples = ("gold_aliases", "reference_sub_questions", "reference_sub_answers")
        fields: dict[str, Any] = {key: tuple(value) if key in tuples else value for key, value in values.items()}
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a part of a set is missing."""

    stage: str
    """decompose | answer | feedback."""
    kind: str
    """One machine-readable word: timeout, length, unreadable, ..."""
    detail: str = ""
    """For people."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a set comes from: who was asked what, and what it took. Empty or zero where the source does not say."""

    source: str
    """The published repository at its commit, or "generated"."""
    teacher: str = ""
    """The model that wrote the sub-questions."""
    solver: str = ""
    """The model that answered them."""
    prompts: dict[str, str] = field(default_factory=dict)
    """By stage: "name.version@first 12 digits of its sha256"."""
    temperature: float | None = None
    """Of all three stages; None where the server's own was taken."""
    prompt_tokens: int = 0
    """Of all requests of the set: one decompose, one answer, all votes."""
    completion_tokens: int = 0
    """Likewise."""
    cost_usd: float | None = 0.0
    """Likewise; None where a model's price is unknown, which is not a price of zero."""


@dataclass(frozen=True, slots=True)
class RawSet:
    """One sub-question set as texts, exactly as they were received; a text that never came is None."""

    problem: Problem
    """What was decomposed."""
    set_index: int
    """Which of the problem's sets it is, from 0."""
    questions_text: str | None
    """The teacher's reply."""
    answers_text: str | None
    """The solver's reply to these questions."""
    feedback_texts: tuple[str | None, ...]
    """The critic's replies, one a vote."""
    failures: tuple[Failure, ...]
    """Why a text is None."""
    provenance: Provenance
    """Who was asked what."""

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
    """A parsed set with its rewards."""

    problem: Problem
    """What was decomposed."""
    set_index: int
    """Which of the problem's sets it is, from 0."""
    sub_questions: tuple[str, ...]
    """The teacher's, in order."""
    sub_answers: tuple[str, ...]
    """The solver's answer to each; empty where they could not be matched."""
    final_answer: str | None
    """What was read from the end of the solver's text; None where nothing could be."""
    verdict: Verdict
    """How it compares with the gold answer."""
    answer_correctness: int | None
    """1 for a right final answer, 0 for a wrong, missing or unreadable one, None where the set was never answered."""
    votes: tuple[tuple[bool | None, ...], ...]
    """Per sub-question: what each feedback sample says of it (None: unreadable); empty without feedback."""
    usefulness: tuple[float | None, ...]
    """Per sub-question: the share of its readable votes that say yes (None: no readable one); empty likewise."""
    failures: tuple[Failure, ...]
    """What is missing from the set, and why."""
    provenance: Provenance
    """Who was asked what."""


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
