"""Scores decomposer + solver pairs: a whole grid in one run, resumable, with a record per pair.

Reads problems by name (or a jsonl with question and answer) and whatever the decomposers and solvers need. Writes

    OUTPUT/config.yaml              the resolved config
    OUTPUT/journal.sqlite           every request and its answer; a rerun asks nothing twice
    OUTPUT/predictions/PAIR.jsonl   what was received, on disk before it is scored
    OUTPUT/verdicts/PAIR.jsonl      verdict, extracted text and explanation per problem
    OUTPUT/results/PAIR.json        the ResultsRecord
    OUTPUT/table.md, .tex, .csv     the table; report.md, with equal tokens and cost, is what is printed
    OUTPUT/accuracy.png, .svg       the same as a forest plot
    OUTPUT/page.html                the problems side by side, two pairs next to each other (and problems.jsonl)

where PAIR is DECOMPOSER--SOLVER. Ends with exit code 2 when requests failed: their problems count as `request_failed`,
the records say `publishable: false`, and the same command asks only what is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from dataset_builder.answers import RULES
from dataset_builder.core.config import option, parse_config, save_resolved
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.micro_gsm.server import endpoint
from dataset_builder.schema.records import SPLITS, Problem, Split
from dataset_builder.sources import load_problems
from eval_harness.pipeline.grid import Grid, Row, check_problems, run_grid
from eval_harness.pipeline.single_stage import is_single_stage, split_style
from eval_harness.report import markdown_report, write_report
from eval_harness.reporting.viewer import write_page, write_problems
from eval_harness.systems.decomposers import Decomposer, DecomposerOptions, RecordedDecomposer, make_decomposer
from eval_harness.systems.solvers import Solver, SolverOptions, make_solver

EPILOG = """examples:
  python -m eval_harness.run --config eval_harness/configs/demo.yaml
  python -m eval_harness.run --source gsm8k --split test --limit 200 --output outputs/eval \\
      --decomposers reference api:gpt-4o-mini checkpoint:outputs/bc none direct \\
      --solvers openai:gpt-4o-mini transformers:Qwen/Qwen2.5-0.5B-Instruct --baseline none

decomposers: checkpoint:PATH  api:MODEL  recorded:FILE  reference
             none  direct  cot_zero_shot  cot_few_shot  self_ask  (single stage; @K votes over K samples)
solvers:     openai:MODEL  transformers:PATH  vllm:PATH  recorded:FILE

The API key is read from OPENAI_API_KEY. The base URL "micro_gsm" starts the embedded world's server."""


@dataclass(frozen=True)
class EvalConfig:
    """One grid of pairs."""

    source: str = option("gsm8k", "the problems: a name (gsm8k, micro_gsm, svamp, ...) or a jsonl file")
    split: str = option("test", "which part of the source", SPLITS)
    limit: int | None = option(None, "use only the first N problems")
    decomposers: list[str] = option(["reference", "none"], "the rows, see below")
    solvers: list[str] = option(["openai:gpt-4o-mini"], "the columns, see below")
    references: str = option(
        "", "recorded sub-questions to measure granularity, fluency and order against; empty: the source's own"
    )
    baseline: str = option("none", "the row that the others are compared with; without such a row nothing is compared")
    rule: str = option("first_marker", "how the final answer is read", RULES)
    seeds: list[int] = option([0], "one run per seed; they differ only where a temperature is above zero")
    output: str = option("outputs/eval", "folder for everything this run writes")
    base_url: str = option("", "endpoint of the solver, or micro_gsm; empty: OPENAI_BASE_URL")
    decomposer_base_url: str = option("", "endpoint of the decomposer; empty: that of the solver")
    temperature: float = option(0.0, "the solver's temperature")
    decomposer_temperature: float = option(0.0, "the API decomposer's temperature")
    max_new_tokens: int = option(500, "the solver's limit per reply")
    decomposer_max_new_tokens: int = option(200, "a checkpoint's limit per set of sub-questions")
    max_sub_questions: int = option(0, "keep at most N sub-questions and tell an API decomposer so; 0: no cap")
    fall_back: bool = option(False, "give the solver the bare problem where the sub-questions cannot be read")
    batch_size: int = option(64, "prompts decoded together by a model in this process")
    four_bit: bool = option(False, "load checkpoints in 4 bit")
    max_in_flight: int = option(64, "API requests under way at a time")
    requests_per_minute: float | None = option(None, "never ask the endpoint faster")
    max_cost_usd: float | None = option(None, "stop asking when this much is spent")
    give_up_after_s: float = option(120.0, "stop when the endpoint is down for so long")
    retry_failed: bool = option(False, "ask again what the endpoint has refused for good (too long, filtered, ...)")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.run`."""
    config = parse_config(
        EvalConfig,
        argv,
        prog="python -m eval_harness.run",
        description="Score decomposer + solver pairs, with intervals and tests of their differences.",
        epilog=EPILOG,
    )
    rows = evaluate(config)
    failed = {row.record.name: row.record.counts["request_failed"] for row in rows}
    if sum(failed.values()):
        worst = max(failed, key=lambda name: failed[name])
        raise UserError(
            f"{sum(failed.values())} requests failed ({failed[worst]} of {worst}; the first: {_first_failure(rows)}); "
            "these records are not publishable: run the same command again, it asks only what is missing (with "
            "--retry_failed also what was refused for good)"
        )


def evaluate(config: EvalConfig) -> list[Row]:
    """Runs the grid, writes everything, prints the table, and returns a row per pair."""
    _check_votes(config)
    output = Path(config.output)
    problems = load_problems(config.source, cast(Split, config.split), config.limit)
    check_problems(problems, config.source)
    problems = _with_references(problems, config.references)
    save_resolved(config, output / "config.yaml")
    write_problems(problems, output)
    with _endpoints(config) as (solver_settings, decomposer_settings):
        decomposer_options = DecomposerOptions(
            settings=decomposer_settings,
            journal=output / "journal.sqlite",
            temperature=config.decomposer_temperature,
            max_new_tokens=config.decomposer_max_new_tokens,
            batch_size=config.batch_size,
            cap=config.max_sub_questions,
            four_bit=config.four_bit,
        )
        solver_options = SolverOptions(
            settings=solver_settings,
            journal=output / "journal.sqlite",
            temperature=config.temperature,
            max_new_tokens=config.max_new_tokens,
            batch_size=config.batch_size,
        )
        decomposers: list[Decomposer] = [make_decomposer(spec, decomposer_options) for spec in config.decomposers]
        solvers: list[Solver] = [make_solver(spec, solver_options, problems) for spec in config.solvers]
        rows = run_grid(Grid(config, output, problems, decomposers, solvers))
    write_report(rows, output, config.baseline)
    page = write_page(rows, output, config.baseline)
    print(markdown_report(rows, config.baseline))
    print(f"\nrecords {output}/results, predictions {output}/predictions, figure {output}/accuracy.png, page {page}")
    return rows


def _with_references(problems: list[Problem], path: str) -> list[Problem]:
    """The problems with the sub-questions of a recorded file as their reference sets."""
    if not path:
        return problems
    if not Path(path).exists():
        raise UserError(f"no references {path}; give a jsonl file or a dataset folder with sub-questions")
    found = RecordedDecomposer(Path(path)).decompose(problems, 0)
    for problem, item in zip(problems, found, strict=True):
        if not item.sub_questions:
            raise UserError(f"{path}: no readable sub-questions for {problem.problem_id}; references need all of them")
    pairs = zip(problems, found, strict=True)
    return [replace(problem, reference_sub_questions=item.sub_questions) for problem, item in pairs]


def _check_votes(config: EvalConfig) -> None:
    for spec in config.decomposers:
        if is_single_stage(spec) and split_style(spec)[1] > 1 and config.temperature == 0:
            raise UserError(f"{spec} votes over samples that are all equal at temperature 0; add --temperature 0.7")


@contextmanager
def _endpoints(config: EvalConfig) -> Iterator[tuple[ServiceSettings, ServiceSettings]]:
    """The services of the solver and the decomposer, with MicroGSM's server up where it is named."""
    wanted = [config.base_url, config.decomposer_base_url or config.base_url]
    distinct = list(dict.fromkeys(wanted))
    with endpoint(distinct) as urls:
        found = dict(zip(distinct, urls, strict=True))
        solver, decomposer = (_settings(config, found[url]) for url in wanted)
        yield solver, decomposer


def _settings(config: EvalConfig, url: str) -> ServiceSettings:
    return ServiceSettings(
        base_urls=(url,) if url else (),
        max_in_flight=config.max_in_flight,
        requests_per_minute=config.requests_per_minute,
        max_cost_usd=config.max_cost_usd,
        give_up_after_s=config.give_up_after_s,
        retry_failed=config.retry_failed,
    )


def _first_failure(rows: Sequence[Row]) -> str:
    return next(score.explanation for row in rows for score in row.scores if score.verdict == "request_failed")


if __name__ == "__main__":
    sys.exit(main())
