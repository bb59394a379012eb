"""The files of a run's report: tables (Markdown, LaTeX, CSV), cost, equal tokens, forest plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.files import write_text
from eval_harness.records.rows import PairRow
from eval_harness.reporting.forest_plot import forest_plot
from eval_harness.reporting.ranking import ranked
from eval_harness.reporting.tables import caption, csv_table, latex_table, markdown_table
from eval_harness.reporting.token_matched import equal_token_lines
from eval_harness.scoring.cost import cost_table


def markdown_report(rows: Sequence[PairRow], baseline: str) -> str:
    """The table, what it says at equal tokens, and what it cost."""
    rows = ranked(rows)
    parts = [markdown_table(rows, baseline), "\n".join(equal_token_lines(rows))]
    return "\n\n".join([*filter(None, parts), cost_table([row.record for row in rows])])


def write_report(rows: Sequence[PairRow], output: Path, baseline: str) -> None:
    """Writes table.md, .tex, .csv, report.md (the table with equal tokens and cost) and the forest plot."""
    rows = ranked(rows)
    write_text(output / "table.md", markdown_table(rows, baseline) + "\n")
    write_text(output / "report.md", markdown_report(rows, baseline) + "\n")
    write_text(output / "table.tex", latex_table(rows, baseline))
    write_text(output / "table.csv", csv_table(rows, baseline))
    forest_plot([row.record for row in rows], output / "accuracy", baseline, caption(rows, baseline))
