"""Decomposers measured by their sub-questions alone: config, records, table.

Reads problems and decomposers as `eval_harness.run` does, and reference sub-questions (the source's own, or recorded
ones). Writes

    OUTPUT/quality.md       the table, with what was asked
    OUTPUT/quality.json     {"dataset": {...}, "references": "...", "rows": [{"label": "bc", "fluency": 0.41, ...}]}
    OUTPUT/journal.sqlite   what the decomposers in this process or behind an endpoint wrote; nothing is asked twice
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import option
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

QUALITY_FILE = "quality.json"
QUALITY_HEAD = (
    "decomposer",
    "n",
    "readable",
    "per set",
    "fluency",
    "granularity",
    "repeating",
    "giving away",
    "seen before",
)


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
    record = {"dataset": dataset, "references": references, "rows": rows}
    write_json(output / QUALITY_FILE, record)
    text = f"{draw_table(QUALITY_HEAD, map(quality_cells, rows), right_from=1)}\n\n{quality_caption(record)}\n"
    write_text(output / "quality.md", text)
    return text


def _row(label: str, decomposer: Decomposer, problems: Sequence[Problem]) -> dict[str, Any]:
    decompositions = decomposer.decompose(problems, 0)
    measured, seen = decomposition_quality(problems, decompositions), seen_by(decomposer, problems)
    told = seen.cell("trained on") or "none" if seen else ""
    about = {"label": label, "decomposer": decomposer.metadata, "problems": len(problems), "seen_before": told}
    return about | measured


def quality_cells(row: Mapping[str, Any]) -> list[str]:
    """A row of the record as `QUALITY_HEAD` names its cells."""
    sets, first = row["sets"], [row["label"], str(row["problems"]), str(row["sets"])]
    if not sets:
        return first + ["-"] * (len(QUALITY_HEAD) - len(first))
    repeating = wilson(row["sets_with_repetition"] * sets, sets)
    return [
        *first,
        f"{row['questions_per_set']:.2f}",
        *("-" if row[name] is None else f"{row[name]:.3f}" for name in ("fluency", "granularity")),
        f"{row['sets_with_repetition']:.2f} ({repeating.low:.2f} - {repeating.high:.2f})",
        f"{row['sets_with_giveaway']:.2f}",
        row["seen_before"] or "-",
    ]


def quality_caption(record: Mapping[str, Any]) -> str:
    """What was asked, and what the measures are."""
    dataset = record["dataset"]
    return (
        f"{dataset['source']} {dataset['split']}, {dataset['problems']} problems; against {record['references']}; "
        "fluency: mean of BLEU-1 to 4; repeating: share of sets with a sub-question that reads like an earlier one, "
        "with its 95 % interval (Wilson); giving away: with a number that has to be computed first. Measures are of "
        "readable sets."
    )
