"""GSM8K, and its Socratic form with a human sub-question for each step of the solution.

A row, `{"question": "A robe takes 2 bolts ...", "answer": "... \\n#### 3"}`, becomes

    Problem(problem_id="gsm8k-test-00001", problem="A robe takes 2 bolts ...", gold_answer="3", solution="...", ...)
"""

from __future__ import annotations

from dataclasses import replace

from dataset_builder.answers import format_number, parse_number
from dataset_builder.sources.source import Row, Source, SourceFile

_FOLDER = "grade_school_math/data"


def gold_number(solution: str) -> str:
    """The exact number behind the last "####" of a GSM8K solution, as text.

    >>> gold_number("200,000-130,000=$<<200000-130000=70000>>70,000\\n#### 70,000")
    '70000'

    Raises:
        ValueError: there is none.
    """
    number = parse_number(solution.rpartition("####")[2])
    if number is None:
        raise ValueError(f"no number behind '####' in {solution[-60:]!r}")
    return format_number(number)


def _parse_row(row: Row) -> Row:
    return {"problem": row["question"], "gold_answer": gold_number(row["answer"]), "solution": row["answer"]}


def _parse_socratic_row(row: Row) -> Row:
    steps = [line.split(" ** ", 1) for line in row["answer"].split("\n") if " ** " in line]
    return _parse_row(row) | {
        "reference_sub_questions": tuple(question.strip() for question, _ in steps),
        "reference_sub_answers": tuple(answer.strip() for _, answer in steps),
    }


GSM8K = Source(
    name="gsm8k",
    licence="mit",
    home="https://github.com/openai/grade-school-math",
    citation="Cobbe et al. 2021, arXiv 2110.14168",
    repository="openai/grade-school-math",
    revision="3101c7d5072418e28b9008a6636bde82a006892c",
    files={
        "train": SourceFile(
            "gsm8k/train.jsonl",
            f"{_FOLDER}/train.jsonl",
            "17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465",
        ),
        "test": SourceFile(
            "gsm8k/test.jsonl",
            f"{_FOLDER}/test.jsonl",
            "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
        ),
    },
    hub_id="openai/gsm8k",
    parse_row=_parse_row,
)
GSM8K_SOCRATIC = replace(
    GSM8K,
    name="gsm8k_socratic",
    files={
        "train": SourceFile("gsm8k/train_socratic.jsonl", f"{_FOLDER}/train_socratic.jsonl"),
        "test": SourceFile(
            "gsm8k/test_socratic.jsonl",
            f"{_FOLDER}/test_socratic.jsonl",
            "c96673362fa7a699f4836a9b6474a067448f95fe58064727501ee63ba4c3fdb6",
        ),
    },
    parse_row=_parse_socratic_row,
)
