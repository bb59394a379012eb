"""Turns the files of each public source, and a user's own file, into `Problem` records.

Reads one file as its home publishes it (JSON, JSON lines, plain or gzipped); gives its problems in file order. A row
of GSM8K, `{"question": "A robe takes 2 bolts ...", "answer": "... \\n#### 3"}`, becomes

    Problem(problem_id="gsm8k-test-00001", problem="A robe takes 2 bolts ...", gold_answer="3", solution="...", ...)

Numbers are taken as their text in the file, so that no float comes between ("-9867630.0" is -9867630).

Differences from the files: 1. SVAMP's body and question are joined to one text, an open if-clause with a comma.
2. GSM-Hard's golds are floats with rounding noise: beyond six decimals, the roundings to 2..10 decimals are right,
too. 3. A Bamboogle second answer is an alias only when it agrees with the gold answer (the mirror's do not always).
4. DROP's references of one question become gold answer and aliases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from dataset_builder.answers import format_number, parse_number
from dataset_builder.answers.kinds import guess_kind
from dataset_builder.answers.spans import normalised_match
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import iterate_jsonl, open_text
from dataset_builder.schema.records import Problem, Split, content_id

_QUESTION_WORDS = (
    "How",
    "What",
    "Who",
    "When",
    "Where",
    "Which",
    "By",
    "In",
    "Did",
    "Do",
    "Does",
    "Is",
    "Are",
    "Will",
)


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


def read_gsm8k(path: Path, source: str, split: Split) -> Iterator[Problem]:
    for index, row in _rows(path):
        yield Problem(
            problem_id=f"{source}-{split}-{index:05d}",
            problem=row["question"],
            gold_answer=gold_number(row["answer"]),
            source=source,
            split=split,
            solution=row["answer"],
        )


def read_gsm8k_socratic(path: Path, source: str, split: Split) -> Iterator[Problem]:
    for index, row in _rows(path):
        steps = [line.split(" ** ", 1) for line in row["answer"].split("\n") if " ** " in line]
        yield Problem(
            problem_id=f"{source}-{split}-{index:05d}",
            problem=row["question"],
            gold_answer=gold_number(row["answer"]),
            source=source,
            split=split,
            solution=row["answer"],
            reference_sub_questions=tuple(question.strip() for question, _ in steps),
            reference_sub_answers=tuple(answer.strip() for _, answer in steps),
        )


def read_svamp(path: Path, source: str, split: Split) -> Iterator[Problem]:
    for index, row in enumerate(_json_array(path)):
        yield _number_problem(source, split, index, join_svamp(row["Body"], row["Question"]), row["Answer"])


def join_svamp(body: str, question: str) -> str:
    """One text out of SVAMP's two fields.

    >>> join_svamp("Dan had $ 3 left. If he had $ 4 at the start", "How much did the candy bar cost?")
    'Dan had $ 3 left. If he had $ 4 at the start, how much did the candy bar cost?'
    >>> join_svamp("Paco had 26 cookies", "How many did he eat?")
    'Paco had 26 cookies. How many did he eat?'
    """
    body, question = body.strip(), question.strip()
    if not body or body[-1] in ".!?":
        return f"{body} {question}".strip()
    last = re.split(r"(?<=[.!?])\s+", body)[-1]
    if last.lower().startswith("if "):
        name = question.split(maxsplit=1)[0] not in _QUESTION_WORDS
        return f"{body}, {question if name else question[:1].lower() + question[1:]}"
    return f"{body}. {question}"


def read_multiarith(path: Path, source: str, split: Split) -> Iterator[Problem]:
    for index, row in enumerate(_json_array(path)):
        yield _number_problem(source, split, index, row["sQuestion"].strip(), row["lSolutions"][0])


def read_gsm_hard(path: Path, source: str, split: Split) -> Iterator[Problem]:
    for index, row in _rows(path):
        yield _number_problem(source, split, index, row["input"], row["target"])


def read_drop(path: Path, source: str, split: Split) -> Iterator[Problem]:
    for index, row in _rows(path):
        passage, _, question = row["context"].removesuffix("\nAnswer:").partition("\nQuestion: ")
        gold, *aliases = row["ref_text"].split("|")
        yield Problem(
            problem_id=f"{source}-{split}-{index:05d}",
            problem=question.strip(),
            gold_answer=gold.strip(),
            source=source,
            split=split,
            answer_kind="spans",
            passage=passage.removeprefix("Passage: ").strip(),
            gold_aliases=tuple(alias.strip() for alias in aliases),
        )


def read_bamboogle(path: Path, source: str, split: Split) -> Iterator[Problem]:
    for index, row in enumerate(_json_array(path)):
        gold = str(row["Answer"]).strip()
        others = [other for other in row["A2"] if other.lower() != gold.lower()]
        yield Problem(
            problem_id=f"{source}-{split}-{index:05d}",
            problem=row["Question"].strip(),
            gold_answer=gold,
            source=source,
            split=split,
            answer_kind="text",
            gold_aliases=tuple(
                other
                for other in others
                if "|" not in other and (normalised_match(other, [gold]) or normalised_match(gold, [other]))
            ),
            reference_sub_questions=(row["Q1"].strip(), row["Q2"].strip()),
            reference_sub_answers=(row["A1"][0], row["A2"][0]),
        )


def read_strategyqa(path: Path, source: str, split: Split) -> Iterator[Problem]:
    for index, row in enumerate(_json_array(path)):
        yield Problem(
            problem_id=f"{source}-{split}-{index:05d}",
            problem=row["question"].strip(),
            gold_answer="yes" if row["answer"] else "no",
            source=source,
            split=split,
            answer_kind="yes_no",
            reference_sub_questions=tuple(step.strip() for step in row["decomposition"]),
        )


def read_user_file(path: Path, split: Split) -> Iterator[Problem]:
    """A user's JSON lines with `question` and `answer` (or `problem` and `gold_answer`).

    The answer is a number, "yes", a text, or a GSM8K solution that ends in "#### n"; `passage` may come with it. The
    problem_id is the file's name and a hash of the text, so it does not move with the line.

    Raises:
        UserError: a line is not JSON or lacks a column; it is named.
    """
    for number, row in iterate_jsonl(path, parse_float=str, parse_int=str):
        yield _user_problem(row, path, number, split)


def _user_problem(row: dict[str, Any], path: Path, number: int, split: Split) -> Problem:
    text, answer = row.get("question", row.get("problem")), row.get("gold_answer", row.get("answer"))
    if not isinstance(text, str) or not text.strip() or answer is None:
        found = ", ".join(sorted(row)) or "nothing"
        raise UserError(f"{path}, line {number}: expected the columns question and answer, found {found}")
    answer = ("yes" if answer else "no") if isinstance(answer, bool) else str(answer)
    solution = answer if "####" in answer else str(row.get("solution", ""))
    gold = answer.rpartition("####")[2].strip()
    value = parse_number(gold)
    return Problem(
        problem_id=content_id(path.name.split(".")[0], f"{row.get('passage', '')} {text}"),
        problem=text.strip(),
        gold_answer=gold if value is None else format_number(value),
        source=path.name.split(".")[0],
        split=split,
        answer_kind=guess_kind(gold),
        passage=str(row.get("passage", "")),
        solution=solution,
    )


def _number_problem(source: str, split: Split, index: int, text: str, number: str) -> Problem:
    value = Fraction(str(number))
    places = len(str(number).partition(".")[2])
    rounded = (format_number(Fraction(round(value, digits))) for digits in range(2, 11)) if places > 6 else ()
    return Problem(
        problem_id=f"{source}-{split}-{index:05d}",
        problem=text,
        gold_answer=format_number(value),
        source=source,
        split=split,
        gold_aliases=tuple(dict.fromkeys(text for text in rounded if text != format_number(value))),
    )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of JSON lines with their index, a blank line not counted."""
    return enumerate(row for _, row in iterate_jsonl(path, parse_float=str))


def _json_array(path: Path) -> list[dict[str, Any]]:
    with open_text(path) as file:
        return json.load(file, parse_float=str)
