"""A card's table of scores: a row per pair, the paired test beside it, and columns that never change as a caption."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.markdown import draw_table
from dataset_builder.schema.verdicts import VERDICT_TABLE
from dataset_builder.sources import SOURCES
from eval_harness.records.results import ResultsRecord
from eval_harness.reporting.ranking import rank
from eval_harness.reporting.tables import comparison_text, tokens_per_problem
from model_cards.card.content import CardContent

MAY_BE_CAPTION = {
    "solver": "Solver: {}",
    "problems": "{} problems",
    "no answer": "replies without an answer: {} in every row",
    "dollars per 1,000": "dollars per 1,000 problems: {}",
}
"""Columns that say the same in every row are told once, under the table, in these words."""


@dataclass(frozen=True)
class ScoreTable:
    """The table as Markdown, and what stands under it."""

    text: str
    """The lines of the table."""
    caption: str
    """What is the same in every row; empty where nothing is."""


def score_table(card: CardContent) -> ScoreTable:
    """Every pair of the evaluation, the best first."""
    rows = [_cells(row, card) for row in sorted(card.rows, key=rank)]
    constant = {name: rows[0][name] for name in MAY_BE_CAPTION if len({row[name] for row in rows}) == 1}
    head = [name for name in rows[0] if name not in constant]
    said = [words.format(constant[name]) for name, words in MAY_BE_CAPTION.items() if name in constant]
    text = draw_table(head, [[row[name] for name in head] for row in rows], right_from=head.index("accuracy"))
    return ScoreTable(text, f"{'; '.join(said)}." if said else "")


def baseline_of(card: CardContent) -> str:
    """The row that the others are compared with; empty where nothing was compared."""
    return next((comparison.baseline for comparison in card.comparisons.values()), "")


def _cells(row: ResultsRecord, card: CardContent) -> dict[str, str]:
    costs = [role["cost_per_1000_usd"] for role in row.usage.values()]
    unread = sum(row.counts[verdict] for verdict, kind in VERDICT_TABLE.items() if kind.unread)
    baseline = baseline_of(card)
    cells = {
        "decomposer": _mark(display_label(row), card, row, "decomposer"),
        "solver": _mark(str(row.solver["label"]), card, row, "solver"),
        "problems": f"{row.dataset['problems']:,} {source_name(row)} {row.dataset['split']}".strip(),
        "accuracy": f"{100 * row.accuracy:.1f} %",
        "95 % interval": f"{100 * row.interval['low']:.1f} to {100 * row.interval['high']:.1f} %",
    }
    if baseline:
        tested = card.comparisons.get(row.name)
        cells[f"against {baseline}"] = "baseline" if row.label == baseline else comparison_text(tested)
    if any(other.seen_before for other in card.rows):
        cells["seen before"] = row.seen_before or "-"
    return cells | {
        "no answer": str(unread),
        "tokens per problem": f"{tokens_per_problem(row):,.0f}",
        "dollars per 1,000": "not known" if None in costs else f"{sum(costs):.2f}",
    }


def _mark(label: str, card: CardContent, row: ResultsRecord, role: str) -> str:
    return f"**{label}** (this model)" if role == card.role and row in card.own_rows else label


def display_label(row: ResultsRecord) -> str:
    """The row's label without a local path: rows of one method carry their folders, of which the name is enough."""
    path = str(row.decomposer.get("checkpoint") or row.decomposer.get("path") or "")
    return row.label.replace(f"({path})", f"({Path(path).name})") if path else row.label


def source_name(row: ResultsRecord) -> str:
    """The problems' source; of a file, its name."""
    source = str(row.dataset["source"])
    return source if source in SOURCES else Path(source).name
