"""The problems of a dataset, from its folder or the Hub: what a score over one of its splits is about.

Differences from the source's own: a dataset holds no kind of answer and no aliases, so the kind is guessed from the
right answer, and DROP's spans are graded as a short text. A problem without a readable set has no row, so it is not
there.
"""

from __future__ import annotations

from pathlib import Path

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
        key, gold = row["problem_id"], row["gold_answer"]
        if key not in problems:
            problems[key] = Problem(
                problem_id=key,
                problem=row["problem"],
                gold_answer=gold,
                source=Path(path).name,
                split=split,
                answer_kind=guess_kind(gold),
                passage=row["passage"] or "",
                reference_sub_questions=references.get(key, ()),
            )
    return list(problems.values())


def _references(path: str, split: Split, revision: str | None) -> dict[str, tuple[str, ...]]:
    try:
        rows = load.load_subq("reference", split, path, revision)
    except UserError:  # not every source has human sub-questions
        return {}
    return {row["problem_id"]: tuple(row["sub_questions"]) for row in rows}
