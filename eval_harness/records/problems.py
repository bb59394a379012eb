"""The problems of a run, in OUTPUT/problems.jsonl, so that its folder can be read without the source."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_jsonl, write_jsonl
from dataset_builder.schema.records import Problem

PROBLEMS_FILE = "problems.jsonl"


def write_problems(problems: Sequence[Problem], output: Path) -> None:
    """Writes the problems of a run, one JSON object a line."""
    write_jsonl(output / PROBLEMS_FILE, map(dataclasses.asdict, problems))


def load_asked_problems(output: Path) -> list[Problem]:
    """The problems of a run, as `eval_harness.run` has written them.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    path = output / PROBLEMS_FILE
    if not path.is_file():
        raise UserError(f"no {path}; run eval_harness.run into {output} (again: it asks nothing twice)")
    try:
        return [Problem.from_dict(row) for row in read_jsonl(path)]
    except TypeError as error:
        raise UserError(f"{path} holds no problems: {error}") from error
