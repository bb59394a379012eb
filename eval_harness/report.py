"""A run's report: tables (Markdown, LaTeX, CSV), cost, equal tokens, forest plot.

`python -m eval_harness.report OUTPUT [--baseline none]` writes the report of a finished run again from its records;
with `--into README.md --marker demo` also the table between that file's markers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError, entry_point
from eval_harness.pipeline.grid import Row
from eval_harness.records.predictions import write_atomically
from eval_harness.records.results import load_records
from eval_harness.reporting.markers import put_between_markers
from eval_harness.reporting.tables import caption, csv_table, latex_table, markdown_table
from eval_harness.reporting.token_matched import equal_token_lines
from eval_harness.scoring.cost import cost_table
from eval_harness.scoring.score import ProblemScore
from eval_harness.systems.recorded import read_jsonl


def markdown_report(rows: Sequence[Row], baseline: str) -> str:
    """The table, what it says at equal tokens, and what it cost."""
    parts = [markdown_table(rows, baseline), "\n".join(equal_token_lines(rows))]
    return "\n\n".join([*filter(None, parts), cost_table([row.record for row in rows])])


def write_report(rows: Sequence[Row], output: Path, baseline: str) -> None:
    """Writes table.md, .tex, .csv, report.md (the table with equal tokens and cost) and the forest plot."""
    from eval_harness.reporting.forest_plot import forest_plot

    write_atomically(output / "table.md", (markdown_table(rows, baseline) + "\n").encode())
    write_atomically(output / "report.md", (markdown_report(rows, baseline) + "\n").encode())
    write_atomically(output / "table.tex", latex_table(rows, baseline).encode())
    write_atomically(output / "table.csv", csv_table(rows, baseline).encode())
    forest_plot([row.record for row in rows], output / "accuracy", baseline, caption(rows, baseline))


def load_rows(output: Path) -> list[Row]:
    """The rows of a finished run, from its records and verdicts.

    Raises:
        UserError: a file is missing or is no such file.
    """
    rows = []
    for record in load_records(output):
        lines: list[dict[str, Any]] = read_jsonl(output / "verdicts" / f"{record.name}.jsonl")
        try:
            rows.append(Row(record, [ProblemScore(**line) for line in lines]))
        except TypeError as error:
            raise UserError(f"{output}/verdicts/{record.name}.jsonl holds no verdicts: {error}") from error
    return rows


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.report`."""
    parser = argparse.ArgumentParser(
        prog="python -m eval_harness.report",
        description="Write the tables and the figure of a finished run again, from its records, and print the table.",
        epilog="example: python -m eval_harness.report outputs/demo/eval --baseline bc --format latex",
    )
    parser.add_argument("output", type=Path, help="the run's output folder")
    parser.add_argument("--baseline", default="none", help="the row to compare with (default: none)")
    parser.add_argument("--format", default="markdown", choices=("markdown", "latex", "csv"), help="what to print")
    parser.add_argument("--into", type=Path, help="also write the table between the markers of this file")
    parser.add_argument("--marker", default="results", help="the markers' name (default: results)")
    options = parser.parse_args(argv)
    rows = load_rows(options.output)
    write_report(rows, options.output, options.baseline)
    if options.into:
        put_between_markers(options.into, options.marker, markdown_table(rows, options.baseline))
    printed = {"markdown": markdown_report, "latex": latex_table, "csv": csv_table}[options.format]
    print(printed(rows, options.baseline))


if __name__ == "__main__":
    sys.exit(main())
