"""The demo as a static page: pairs that an evaluation has recorded, to look at without any computing behind it.

Reads an evaluation's output folder (problems, predictions, records). The page holds the first problems that are short
enough, with every decomposer's answer, so nothing on it is chosen; scripts only show and hide them.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.templates import render_template
from dataset_builder.schema.records import Problem
from dataset_builder.sources import SOURCES
from eval_harness.pipeline.one_problem import as_answered
from eval_harness.records.predictions import load_predictions
from eval_harness.records.problems import load_asked_problems
from eval_harness.records.results import ResultsRecord, load_records
from model_cards.card.score_table import display_label, source_name
from model_cards.space import view
from model_cards.space.provenance import plain_name

TEMPLATE = Path(__file__).parent / "hub" / "index.html.jinja"
MOST_CHARACTERS = 600


@dataclass(frozen=True)
class Recorded:
    """What the page shows."""

    problems: list[Problem]
    """The first ones of the evaluation."""
    columns: dict[str, list[str]]
    """By decomposer: a column of HTML per problem."""
    sides: tuple[str, str]
    """What is shown at first: the best trained decomposer (or the best of all), and no decomposition or the worst."""
    scores: dict[str, str]
    """By decomposer: its accuracy over the whole evaluation, in words."""
    solver: str
    """Who answered."""
    recorded_on: str
    """The day of the evaluation."""
    source: str
    """Where the problems come from, in words."""
    licence: str
    """Of the problems, as their named source has it; empty for a user's own, of which nobody here knows it."""


def load_recorded(results: Path, most: int) -> Recorded:
    """The pairs of the evaluation's first solver, the best first.

    Args:
        results: the evaluation's output.
        most: problems to show.

    Raises:
        UserError: a file is missing, a request failed, or no problem is short enough.
    """
    records = load_records(results)
    solver = str(records[0].solver["label"])
    rows = sorted((row for row in records if row.solver["label"] == solver), key=lambda row: -row.accuracy)
    if failed := next((row for row in rows if not row.publishable), None):
        raise UserError(f"{failed.name}: a request failed; run the evaluation again")
    short = [item for item in load_asked_problems(results) if len(item.passage + item.problem) <= MOST_CHARACTERS]
    problems = short[:most]
    if not problems:
        raise UserError(f"{results} has no problem of at most {MOST_CHARACTERS} characters to show")
    first = rows[0]
    trained = next((row for row in rows if row.decomposer["kind"] == "checkpoint"), first)
    other = next((row for row in rows if row.label == "none"), rows[-1])
    return Recorded(
        problems=problems,
        columns={_name(row): _columns(row, results, problems) for row in rows},
        sides=(_name(trained), _name(other)),
        scores={_name(row): f"{100 * row.accuracy:.1f} % of {row.dataset['problems']:,} problems" for row in rows},
        solver=solver,
        recorded_on=first.created_at[:10],
        source=" ".join(filter(None, (source_name(first), str(first.dataset["split"])))),
        licence=SOURCES[name].licence.lower() if (name := source_name(first)) in SOURCES else "",
    )


def _name(row: ResultsRecord) -> str:
    label = display_label(row)
    return plain_name(label) if label in ("reference", "none") else label


def _columns(row: ResultsRecord, results: Path, problems: list[Problem]) -> list[str]:
    seed = row.seeds[0]
    found = {
        item.problem_id: item for item in load_predictions(results / row.predictions["path"]) if item.seed == seed
    }
    answered = (as_answered(_name(row), found[problem.problem_id], problem) for problem in problems)
    return [view.column(item) for item in answered]


def static_page(recorded: Recorded, title: str) -> str:
    """The whole page: its first problem is there without a script."""
    data: dict[str, Any] = {
        "problems": [{"text": _text(item), "gold": item.gold_answer} for item in recorded.problems],
        "columns": recorded.columns,
    }
    return render_template(
        TEMPLATE,
        recorded=recorded,
        title=html.escape(title),
        names=[(name, html.escape(name)) for name in recorded.columns],
        sides=recorded.sides,
        first=html.escape(_text(recorded.problems[0])),
        gold=html.escape(recorded.problems[0].gold_answer),
        style=view.STYLE,
        escape=html.escape,
        data=json.dumps(data, ensure_ascii=False).replace("</", "<\\/"),
    )


def _text(problem: Problem) -> str:
    return f"{problem.passage}\n\n{problem.problem}".strip()
