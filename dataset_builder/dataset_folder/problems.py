"""The problems of a dataset, from its folder or the Hub: what a score over one of its splits is about.

Differences from the source's own: a dataset holds no kind of answer and no aliases, so the kind is guessed from the
right answer, and DROP's spans are graded as a short text. A problem without a readable set has no row, so it is not
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataset_builder.answers.kinds import guess_kind
from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder import load
from dataset_builder.schema.records import Problem, Split


def dataset_problems(path: str, split: Split, revision: str | None = None) -> list[Problem]:
    """The problems of one split, each once, in the order of their first sets; with a human's sub-questions if it has.

    Args:
        path: a dataset folder, or a Hub id.
        split: train, validation or test.
        revision: a tag or commit on the Hub.

    Raises:
        UserError: there is no such dataset or split.
    """
    references = _references(path, split, revision)
    problems: dict[str, Problem] = {}
    for row in load.load_subq("default", split, path, revision):
        key = row["problem_id"]
        if key not in problems:
            problems[key] = problem_of_row(row, Path(path).name, split, references.get(key, ()))
    return list(problems.values())


def problem_of_row(row: Mapping[str, Any], source: str, split: Split, references: tuple[str, ...] = ()) -> Problem:
    """The problem of a row of the `default` config.

    Args:
        row: of any set of it.
        source: the dataset's name.
        split: of the row.
        references: a human's sub-questions, where there are some.
    """
    return Problem(
        problem_id=row["problem_id"],
        problem=row["problem"],
        gold_answer=row["gold_answer"],
        source=source,
        split=split,
        answer_kind=guess_kind(row["gold_answer"]),
        passage=row["passage"] or "",
        reference_sub_questions=references,
    )


def _references(path: str, split: Split, revision: str | None) -> dict[str, tuple[str, ...]]:
    try:
        rows = load.load_subq("reference", split, path, revision)
    except UserError:  # not every source has human sub-questions
        return {}
    return {row["problem_id"]: tuple(row["sub_questions"]) for row in rows}
