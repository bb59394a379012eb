"""Writes the report of a finished run again, from its records: `python -m eval_harness.report OUTPUT`.

With `--into README.md --marker demo` also the table between that file's markers.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from eval_harness.records.rows import load_rows
from eval_harness.reporting.markers import put_between_markers
from eval_harness.reporting.ranking import ranked
from eval_harness.reporting.run_report import markdown_report, write_report
from eval_harness.reporting.tables import csv_table, latex_table, markdown_table

FORMATS = {"markdown": markdown_report, "latex": latex_table, "csv": csv_table}


@dataclass(frozen=True)
class ReportConfig:
    """Which run, and what is printed of it."""

    output: str = option("", "the run's output folder", positional=True)
    baseline: str = option("none", "the row to compare with")
    format: str = option("markdown", "what to print", tuple(FORMATS))
    into: str = option("", "also write the table between the markers of this file")
    marker: str = option("results", "the markers' name")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.report`."""
    config = parse_config(
        ReportConfig,
        argv,
        prog="python -m eval_harness.report",
        description="Write the tables and the figure of a finished run again, from its records, and print the table.",
        epilog="example: python -m eval_harness.report outputs/demo/eval --baseline bc --format latex",
    )
    if not config.output:
        raise UserError("name the run's output folder: python -m eval_harness.report OUTPUT")
    rows = ranked(load_rows(Path(config.output)))
    write_report(rows, Path(config.output), config.baseline)
    if config.into:
        put_between_markers(Path(config.into), config.marker, markdown_table(rows, config.baseline))
    print(FORMATS[config.format](rows, config.baseline))


if __name__ == "__main__":
    sys.exit(main())
