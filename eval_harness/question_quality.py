"""Decomposers side by side by their sub-questions alone: no solver is asked, so it costs no more than the decomposing.

Reads problems and decomposers as `eval_harness.run` does, and reference sub-questions (the source's own, or recorded
ones). Writes, and prints the table:

    OUTPUT/quality.md       the table, with what was asked
    OUTPUT/quality.json     {"dataset": {...}, "references": "...", "rows": [{"label": "bc", "fluency": 0.41, ...}]}
    OUTPUT/journal.sqlite   what the decomposers in this process or behind an endpoint wrote; nothing is asked twice

The measures are those of `scoring.quality`. They say how close a decomposer comes to its references and what can be
seen wrong with its questions; whether a solver is helped by them only `eval_harness.run` says.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import entry_point
from dataset_builder.core.files import write_json, write_text
from dataset_builder.core.intervals import wilson
from dataset_builder.core.markdown import draw_table
from dataset_builder.llm.journal import FILE_NAME
from dataset_builder.llm.settings import EndpointOptions, ServiceSettings
from dataset_builder.schema.records import SPLITS, Problem
from dataset_builder.sources.embedded import serve_embedded
from eval_harness.pipeline.config import EvalConfig
from eval_harness.pipeline.grid import unique_labels
from eval_harness.pipeline.problems import load_grid_problems
from eval_harness.pipeline.sources import ANY_SPLIT, dataset_metadata
from eval_harness.scoring.quality import decomposition_quality
from eval_harness.systems.decomposers import Decomposer, DecomposerOptions, make_decomposer
from eval_harness.systems.overlap import seen_by

EPILOG = """\
examples:
  python -m eval_harness.question_quality --source gsm8k_socratic --decomposers checkpoint:outputs/bc
  python -m eval_harness.question_quality --source my-subq --split test --references my-subq \\
      --decomposers checkpoint:outputs/bc recorded:eval_finetune.jsonl.gz --output outputs/quality

decomposers: checkpoint:PATH  api:MODEL  recorded:FILE  reference"""
HEAD = ("decomposer", "n", "readable", "per set", "fluency", "granularity", "repeating", "giving away", "seen before")


@dataclass(frozen=True)
class QualityConfig(EndpointOptions):
    """Problems, decomposers and references."""

    source: str = option("gsm8k_socratic", "the problems, as in eval_harness.run: a name, a jsonl file, a dataset")
    split: str = option(ANY_SPLIT, "which part of the source; auto: test, but of a file all", (ANY_SPLIT, *SPLITS))
    limit: int | None = option(None, "use only the first N problems", least=1)
    decomposers: list[str] = option(["reference"], "the rows, see below")
    references: str = option(
        "", "recorded sub-questions to measure against (a jsonl file or a dataset); empty: the source's own"
    )
    output: str = option("outputs/quality", "folder for everything this run writes", writes="folder")
    base_url: str = option("", "endpoint of an API decomposer, or micro_gsm; empty: OPENAI_BASE_URL")
    temperature: float = option(0.0, "an API decomposer's temperature", least=0)
    max_new_tokens: int = option(200, "a checkpoint's limit per set of sub-questions", least=1)
    batch_size: int = option(64, "prompts decoded together by a model in this process", least=1)
    four_bit: bool = option(False, "load checkpoints in 4 bit")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.question_quality`."""
    config = parse_config(
        QualityConfig,
        argv,
        prog="python -m eval_harness.question_quality",
        description="Compare decomposers by their sub-questions alone, without a solver.",
        epilog=EPILOG,
    )
    print(measure(config), end="")


def measure(config: QualityConfig) -> str:
    """Decomposes, measures, writes; gives the text of `quality.md`.

    Raises:
        UserError: problems, references or a decomposer that are not there.
    """
    grid = EvalConfig(source=config.source, split=config.split, limit=config.limit, references=config.references)
    problems, output = load_grid_problems(grid), Path(config.output)
    output.mkdir(parents=True, exist_ok=True)
    with serve_embedded([config.base_url]) as (url,):
        options = DecomposerOptions(
            settings=ServiceSettings.of(config, [url]),
            journal=output / FILE_NAME,
            temperature=config.temperature,
            max_new_tokens=config.max_new_tokens,
            batch_size=config.batch_size,
            reasoning_effort=config.reasoning_effort,
            four_bit=config.four_bit,
        )
        decomposers = [make_decomposer(spec, options) for spec in config.decomposers]
        labelled = zip(unique_labels(decomposers), decomposers, strict=True)
        rows = [_row(label, decomposer, problems) for label, decomposer in labelled]
    dataset = dataset_metadata(problems, config.source, config.split)
    references = Path(config.references).name if config.references else "the source's own"
    write_json(output / "quality.json", {"dataset": dataset, "references": references, "rows": rows})
    text = f"{draw_table(HEAD, map(_cells, rows), right_from=1)}\n\n{_caption(dataset, references)}\n"
    write_text(output / "quality.md", text)
    return text


def _row(label: str, decomposer: Decomposer, problems: Sequence[Problem]) -> dict[str, Any]:
    decompositions = decomposer.decompose(problems, 0)
    measured, seen = decomposition_quality(problems, decompositions), seen_by(decomposer, problems)
    told = seen.cell("trained on") or "none" if seen else ""
    about = {"label": label, "decomposer": decomposer.metadata, "problems": len(problems), "seen_before": told}
    return about | measured


def _cells(row: dict[str, Any]) -> list[str]:
    sets, first = row["sets"], [row["label"], str(row["problems"]), str(row["sets"])]
    if not sets:
        return first + ["-"] * (len(HEAD) - len(first))
    repeating = wilson(row["sets_with_repetition"] * sets, sets)
    return [
        *first,
        f"{row['questions_per_set']:.2f}",
        *("-" if row[name] is None else f"{row[name]:.3f}" for name in ("fluency", "granularity")),
        f"{row['sets_with_repetition']:.2f} ({repeating.low:.2f} - {repeating.high:.2f})",
        f"{row['sets_with_giveaway']:.2f}",
        row["seen_before"] or "-",
    ]


def _caption(dataset: dict[str, Any], references: str) -> str:
    return (
        f"{dataset['source']} {dataset['split']}, {dataset['problems']} problems; against {references}; fluency: mean "
        "of BLEU-1 to 4; repeating: share of sets with a sub-question that reads like an earlier one, with its 95 % "
        "interval (Wilson); giving away: with a number that has to be computed first. Measures are of readable sets."
    )


if __name__ == "__main__":
    sys.exit(main())
