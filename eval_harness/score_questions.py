"""How many problems a solver gets right with given sub-questions: one number, to choose a checkpoint or a beta by.

Reads a jsonl of sub-questions, as a recipe's `solver_command` is given it, and the problems by name; prints the share
of right answers as its last line, and nothing else on standard output:

    python -m eval_harness.score_questions --questions q.jsonl --source gsm8k --split train --solver openai:gpt-4o-mini
    0.6240

Problems are those the file names, wherever in the split they stand. Every request and its answer is in the journal,
so the same sub-questions are never paid for twice. For records, intervals and comparisons: `eval_harness.run`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.answers import DEFAULT_RULE, RULES
from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.files import read_jsonl
from dataset_builder.llm.settings import EndpointOptions, ServiceSettings
from dataset_builder.schema.records import SPLITS, Problem
from dataset_builder.solving.endpoint import SolverOptions
from dataset_builder.solving.solve import accuracy_of, solve_problems
from dataset_builder.sources.embedded import serve_embedded
from eval_harness.pipeline.problems import warn_of_examples
from eval_harness.pipeline.sources import load_source
from eval_harness.systems.recorded import RecordedDecomposer
from eval_harness.systems.solvers import make_solver

EPILOG = """\
examples:
  python -m eval_harness.score_questions --questions q.jsonl --source gsm8k --split train --solver openai:gpt-4o-mini
  python -m recipes.train --config YOUR.yaml --choose_by solver --solver_command \\
      "python -m eval_harness.score_questions --questions {questions} --split train --solver openai:MODEL"

A dataset's validation problems are scored with --source DATASET --split validation; in their source they stand in the
split that they were taken from: GSM8K's in train."""


@dataclass(frozen=True)
class AccuracyConfig(EndpointOptions):
    """One file of sub-questions, one solver."""

    questions: str = option("", "jsonl with problem_id and sub_questions")
    source: str = option("gsm8k", "the problems: a name (gsm8k, micro_gsm, svamp, ...) a jsonl file, or a dataset")
    split: str = option("train", "which part of the source", SPLITS)
    limit: int | None = option(None, "read only the first N problems of the source", least=1)
    solver: str = option("openai:gpt-4o-mini", "as in eval_harness.run")
    base_url: str = option("", "endpoint of the solver, or micro_gsm; empty: OPENAI_BASE_URL")
    rule: str = option(DEFAULT_RULE, "how the final answer is read", RULES)
    journal: str = option("outputs/accuracy.sqlite", "every request and its answer", writes="file")
    max_new_tokens: int = option(500, "the solver's limit per reply", least=1)
    batch_size: int = option(64, "prompts decoded together by a model in this process", least=1)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.score_questions`."""
    config = parse_config(
        AccuracyConfig,
        argv,
        prog="python -m eval_harness.score_questions",
        description="Print the share of problems that a solver gets right with given sub-questions.",
        epilog=EPILOG,
    )
    print(f"{accuracy(config):.4f}")


def accuracy(config: AccuracyConfig) -> float:
    """The share of right answers.

    Raises:
        UserError: a file or problem that is not there, or requests that failed.
    """
    if not config.questions:
        raise UserError("name the file with the sub-questions: --questions q.jsonl")
    path = Path(config.questions)
    problems = _named_problems(config, path)
    with serve_embedded([config.base_url]) as (url,):
        options = SolverOptions(
            ServiceSettings.of(config, [url]),
            Path(config.journal),
            max_new_tokens=config.max_new_tokens,
            batch_size=config.batch_size,
            reasoning_effort=config.reasoning_effort,
        )
        decompositions = RecordedDecomposer(path).decompose(problems, 0)
        solver = make_solver(config.solver, options, problems)
        return accuracy_of(solve_problems(solver, problems, decompositions, rule=config.rule))


def _named_problems(config: AccuracyConfig, path: Path) -> list[Problem]:
    rows = read_jsonl(path)
    if missing := next((number for number, row in enumerate(rows, 1) if "problem_id" not in row), None):
        raise UserError(f"{path}, row {missing}: no problem_id")
    known = {problem.problem_id: problem for problem in load_source(config.source, config.split, config.limit)}
    ids = [str(row["problem_id"]) for row in rows]
    if unknown := next((problem_id for problem_id in ids if problem_id not in known), None):
        raise UserError(
            f"{path} names {unknown}, which is not among the {len(known)} problems of {config.source} {config.split}; "
            "name the split the problems were taken from, or a larger --limit"
        )
    problems = [known[problem_id] for problem_id in dict.fromkeys(ids)]
    warn_of_examples(problems)
    return problems


if __name__ == "__main__":
    sys.exit(main())
