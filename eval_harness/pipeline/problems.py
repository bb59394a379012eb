"""The problems of a grid: loaded, checked, and with recorded sub-questions as references where a file is named."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dataset_builder.build.splits import Entry, find_leaks
from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Problem, normalise_text
from dataset_builder.sources import SOURCES
from dataset_builder.text.likeness import text_hash
from eval_harness.pipeline.config import EvalConfig
from eval_harness.pipeline.sources import load_source
from eval_harness.systems.recorded import RecordedDecomposer

logger = logging.getLogger(__name__)


def load_grid_problems(config: EvalConfig) -> list[Problem]:
    """The problems that every pair of the grid is asked.

    Raises:
        UserError: there is none, one cannot be scored, or one has no reference sub-questions where a file names them.
    """
    problems = load_source(config.source, config.split, config.limit)
    check_problems(problems, config.source)
    warn_of_examples(problems)
    return _with_references(problems, config.references)


def check_problems(problems: Sequence[Problem], source: str) -> None:
    """Refuses problems that cannot be scored.

    Raises:
        UserError: there is none, one has no gold answer, or one is there twice.
    """
    if not problems:
        raise UserError(f"{source} gives no problems; raise --limit or name another split")
    # Leaving some out of a published set would change its known size.
    repeats = {name for name, known in SOURCES.items() if known.has_duplicates}
    seen: dict[str, str] = {}
    ids = Counter(problem.problem_id for problem in problems)
    for problem in problems:
        if not problem.gold_answer.strip():
            raise UserError(f"{source}: {problem.problem_id} has no gold answer; a score needs one for every problem")
        if ids[problem.problem_id] > 1:
            raise UserError(f"{source}: {problem.problem_id} is there {ids[problem.problem_id]} times; keep one")
        text = normalise_text(f"{problem.passage} {problem.problem}")
        if text in seen and problem.source not in repeats:
            raise UserError(f"{source}: {problem.problem_id} and {seen[text]} are the same problem; keep one")
        seen[text] = problem.problem_id


def warn_of_examples(problems: Sequence[Problem]) -> None:
    """Says which problems a prompt shows solved, as its worked example: a score over them is no test."""
    entries = [Entry(item.problem_id, "test", text_hash(item.problem, item.passage)) for item in problems]
    if leaks := find_leaks(entries):
        shown = "; ".join(f"{leak.problem_id} is {leak.elsewhere}" for leak in leaks[:5])
        logger.warning(
            "%d of %d problems are shown solved by a prompt, so their score is no test: %s%s; leave them out or name "
            "other prompts", len(leaks), len(problems), shown, "; ..." if len(leaks) > 5 else "",
        )  # fmt: skip


def _with_references(problems: list[Problem], path: str) -> list[Problem]:
    """The problems with the sub-questions of a recorded file as their reference sets."""
    if not path:
        return problems
    if not Path(path).exists():
        raise UserError(f"no references {path}; give a jsonl file or a dataset folder with sub-questions")
    decompositions = RecordedDecomposer(Path(path)).decompose(problems, 0)
    pairs = list(zip(problems, decompositions, strict=True))
    if missing := next((problem.problem_id for problem, item in pairs if not item.sub_questions), None):
        raise UserError(f"{path}: no readable sub-questions for {missing}; references need all of them")
    return [replace(problem, reference_sub_questions=item.sub_questions) for problem, item in pairs]
