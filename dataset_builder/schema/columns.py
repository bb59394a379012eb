"""The configs of the published dataset: what each one is, and its columns with their types and meanings, in one table.

A type is written as in the parquet files' schema: a name of Arrow's, `[type]` for a list, `{name: type}` for a struct.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Features

ColumnType = str | list[Any] | dict[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of a config."""

    type: ColumnType
    """As the parquet files have it."""
    meaning: str
    """For the card, in a few words."""


@dataclass(frozen=True)
class DatasetConfig:
    """One config of the dataset."""

    about: str
    """What a row is, for the card."""
    columns: Mapping[str, Column]
    """By name, in order."""


_PROVENANCE: ColumnType = {
    "source": "string",
    "teacher": "string",
    "solver": "string",
    "decompose_prompt": "string",
    "answer_prompt": "string",
    "feedback_prompt": "string",
    "temperature": "float64",
    "prompt_tokens": "int64",
    "completion_tokens": "int64",
    "cost_usd": "float64",
}
_ID = {
    "problem_id": Column(
        "string", "the source with the problem's number or a hash of its text; the same in every config"
    )
}
_IDS = {**_ID, "set_index": Column("int32", "which of the problem's sets this is, from 0")}
_PROBLEM = Column("string", "the word problem, as its source has it")
_PROMPT = Column("string", "what the student reads")
_COMPLETION = Column("string", "what it is to write")
_CORRECTNESS = Column("int8", "the verdict as 1 or 0")
_GOLD = Column("string", "the source's own right answer")

DATASET_CONFIGS: dict[str, DatasetConfig] = {
    "default": DatasetConfig(
        "one row per set: problem, sub-questions, sub-answers, verdict, votes, usefulness, provenance",
        {
            **_IDS,
            "problem": _PROBLEM,
            "passage": Column("string", "the text a problem refers to, where it has one"),
            "sub_questions": Column(["string"], "the teacher's sub-questions, in order"),
            "sub_answers": Column(["string"], "the solver's answer to each; empty where they could not be matched"),
            "final_answer": Column(
                "string", "what was read from the end of the solver's text; null where nothing could be"
            ),
            "gold_answer": _GOLD,
            "verdict": Column("string", "how the final answer compares with it"),
            "answer_correctness": _CORRECTNESS,
            "votes": Column([["bool"]], "per sub-question: what each feedback sample says of its use"),
            "usefulness": Column(["float64"], "per sub-question: the share of votes that say yes"),
            "failures": Column(
                [{"stage": "string", "kind": "string", "detail": "string"}], "what is missing from the set, and why"
            ),
            "provenance": Column(_PROVENANCE, "who was asked what, and what it took"),
        },
    ),
    "raw": DatasetConfig(
        "one row per problem: the texts as received, in the published raw form",
        {
            "problem": _PROBLEM,
            "questions": Column(["string"], "the teacher's text of each set"),
            "answers": Column(["string"], "the solver's text of each set"),
            "feedback": Column([["string"]], "the critic's texts of each set"),
            "answer": Column("string", "the source's solution, or its right answer"),
        },
    ),
    "prompt_completion": DatasetConfig(
        "the student's text, for supervised fine-tuning (`trl sft`)",
        {**_IDS, "prompt": _PROMPT, "completion": _COMPLETION, "answer_correctness": _CORRECTNESS},
    ),
    "preference": DatasetConfig(
        "pairs of sets of one problem (`trl dpo`)",
        {
            **_ID,
            "prompt": _PROMPT,
            "chosen": Column("string", "the better set"),
            "rejected": Column("string", "the worse one"),
            "reason": Column("string", "correct_over_incorrect, or more_useful where both are right or both wrong"),
        },
    ),
    "unpaired_preference": DatasetConfig(
        "single sets with a label (`trl kto`)",
        {
            **_IDS,
            "prompt": _PROMPT,
            "completion": _COMPLETION,
            "label": Column("bool", "whether the set's final answer is right"),
        },
    ),
    "trajectories": DatasetConfig(
        "sub-questions as steps with a reward each, for offline reinforcement learning",
        {
            **_IDS,
            "prompt": _PROMPT,
            "steps": Column(["string"], "the sub-questions, in order"),
            "step_rewards": Column(["float64"], "the usefulness of each"),
            "final_reward": Column("float64", "1 for a right final answer, else 0"),
        },
    ),
    "solver": DatasetConfig(
        "problem and sub-questions to sub-answers and final answer, for solver distillation",
        {
            **_IDS,
            "prompt": _PROMPT,
            "completion": _COMPLETION,
            "answer_correctness": _CORRECTNESS,
            "gold_answer": _GOLD,
        },
    ),
    "reference": DatasetConfig(
        "human sub-questions, where the source has them",
        {
            **_ID,
            "problem": _PROBLEM,
            "sub_questions": Column(["string"], "a human's sub-questions, in order"),
            "sub_answers": Column(["string"], "their answers"),
            "gold_answer": _GOLD,
        },
    ),
}
CONFIGS = tuple(DATASET_CONFIGS)


def features(config: str) -> Features:
    """The columns of one config, for `datasets`.

    Raises:
        KeyError: there is no such config.
    """
    from datasets import Features

    return Features({name: _feature(column.type) for name, column in DATASET_CONFIGS[config].columns.items()})


def column_rows(config: str = "default") -> list[dict[str, str]]:
    """Name, type and meaning of each column, for the card."""
    return [
        {"name": name, "type": type_text(column.type), "meaning": column.meaning}
        for name, column in DATASET_CONFIGS[config].columns.items()
    ]


def type_text(kind: ColumnType) -> str:
    """A column's type as a reader writes it.

    >>> type_text([{"stage": "string", "votes": ["bool"]}])
    'list of {stage: string, votes: list of bool}'
    """
    if isinstance(kind, dict):
        return "{" + ", ".join(f"{key}: {type_text(value)}" for key, value in kind.items()) + "}"
    return f"list of {type_text(kind[0])}" if isinstance(kind, list) else kind


def _feature(kind: ColumnType) -> Any:
    from datasets import List, Value

    if isinstance(kind, dict):
        return {key: _feature(value) for key, value in kind.items()}
    return List(_feature(kind[0])) if isinstance(kind, list) else Value(kind)
