"""Loads word problems: a named public source at its pinned revision, or a user's own file.

    load_problems("gsm8k", split="test")[1]  ->  Problem(problem_id="gsm8k-test-00001", problem="A robe ...", ...)

`catalogue` lists the named sources, each of them a file of this folder; `fetch` finds their files; `embedded` holds
the worlds whose problems are drawn instead of loaded.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import SPLITS, Problem, Split
from dataset_builder.sources.catalogue import SOURCES
from dataset_builder.sources.fetch import fetch_file
from dataset_builder.sources.user_file import read_user_file

__all__ = ["SOURCES", "load_problems"]

logger = logging.getLogger(__name__)

DRAWN_PROBLEMS = 1000
"""How many problems a world gives where no limit is set."""


def load_problems(source: str, split: Split = "train", limit: int | None = None) -> list[Problem]:
    """The problems of a named source, or of a user's JSON lines with question and answer.

    Args:
        source: a key of `SOURCES`, or the path of a file (plain or gzipped), which belongs to `split` as a whole.
        split: train, validation or test.
        limit: only the first so many.

    Raises:
        UserError: there is no such source, file or split, or the file is malformed, altered or out of reach.
    """
    if split not in SPLITS:
        raise UserError(f"no split {split!r}; valid: {', '.join(SPLITS)}")
    if named := SOURCES.get(source):
        if named.draw is not None:
            return named.draw(split, DRAWN_PROBLEMS if limit is None else limit)
        if split not in named.files:
            raise UserError(f"{source} has no {split} split at its source; valid: {', '.join(named.files)}")
        return list(itertools.islice(named.read(fetch_file(named, named.files[split]), split), limit))
    path = Path(source)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "neither a file nor a known source"
        raise UserError(
            f"{source} is {what}; give a JSON lines file with question and answer, or one of {', '.join(SOURCES)}"
        )
    problems = list(itertools.islice(_distinct(read_user_file(path, split), path), limit))
    if not problems and limit != 0:
        raise UserError(f"{path} holds no problems; expected one object with question and answer a line")
    if texts := sum(problem.answer_kind == "text" for problem in problems):
        logger.warning("%s: %d of %d answers are texts, no numbers, and compared as words", path, texts, len(problems))
    return problems


def _distinct(problems: Iterable[Problem], path: Path) -> Iterator[Problem]:
    seen: set[str] = set()
    repeated = 0
    for problem in problems:
        if problem.problem_id in seen:
            repeated += 1
            continue
        seen.add(problem.problem_id)
        yield problem
    if repeated:
        logger.warning("%s: %d repeated problems were dropped", path, repeated)
