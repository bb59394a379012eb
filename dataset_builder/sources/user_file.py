"""A user's own problems: JSON lines with a question and an answer, plain or gzipped."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset_builder.answers import format_number, parse_number
from dataset_builder.answers.kinds import guess_kind
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import iterate_jsonl
from dataset_builder.schema.records import Problem, Split, content_id
from dataset_builder.sources.catalogue import SOURCES

_NO_GOLDS = ("<na>", "n/a", "#n/a", "null")


def read_user_file(path: Path, split: Split) -> Iterator[Problem]:
    """A user's JSON lines with `question` and `answer` (or `problem` and `gold_answer`).

    The answer is a number, "yes", a text, or a GSM8K solution that ends in "#### n"; `passage` may come with it. The
    problem_id is the file's name and a hash of the text, so it does not move with the line.

    Raises:
        UserError: a line is not JSON, lacks a column, or has an answer that is empty or not finite; it is named.
    """
    for number, row in iterate_jsonl(path, parse_float=str, parse_int=str):
        yield _user_problem(row, path, number, split)


def _user_problem(row: dict[str, Any], path: Path, number: int, split: Split) -> Problem:
    text, answer = row.get("question", row.get("problem")), row.get("gold_answer", row.get("answer"))
    if not isinstance(text, str) or not text.strip() or not {"answer", "gold_answer"} & row.keys():
        columns = ", ".join(sorted(row)) or "nothing"
        raise UserError(f"{path}, line {number}: expected the columns question and answer, found {columns}")
    if isinstance(answer, (list, dict)):
        raise UserError(f"{path}, line {number}: the answer {answer!r:.60} is no number and no text; give one of them")
    answer = "" if answer is None else ("yes" if answer else "no") if isinstance(answer, bool) else str(answer)
    solution = answer if "####" in answer else str(row.get("solution") or "")
    passage = str(row.get("passage") or "")
    gold = answer.rpartition("####")[2].strip()
    if _says_nothing(gold):
        raise UserError(
            f"{path}, line {number}: the answer {answer!r} is nothing to compare with; mend or drop the row"
        )
    value = parse_number(gold)
    return Problem(
        problem_id=content_id(path.name.split(".")[0], f"{passage} {text}"),
        problem=text.strip(),
        gold_answer=gold if value is None else format_number(value),
        source=_source_name(path),
        split=split,
        answer_kind=guess_kind(gold),
        passage=passage,
        solution=solution,
    )


def _source_name(path: Path) -> str:
    """The file's name without its ending; never that of a named source, whose licence is not the file's."""
    stem = path.name.split(".")[0]
    return f"{stem}_file" if stem in SOURCES else stem


def _says_nothing(gold: str) -> bool:
    """Whether a gold is empty, only marks, a word for a missing value, or a number that is not finite."""
    try:
        return not math.isfinite(float(gold))
    except ValueError:
        return not any(map(str.isalnum, gold)) or gold.lower() in _NO_GOLDS
