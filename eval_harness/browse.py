"""Writes a finished run as one page to browse its problems side by side:

python -m eval_harness.browse --results outputs/demo/eval --output page.html
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from eval_harness.records.rows import load_rows
from eval_harness.reporting.viewer import PAGE_FILE, write_page


@dataclass(frozen=True)
class BrowseConfig:
    """Which run, and where its page goes."""

    results: str = option("", "the run's output folder")
    output: str = option("", f"the page; empty: {PAGE_FILE} in that folder", writes="file")
    baseline: str = option("none", "the row to compare with")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.browse`."""
    config = parse_config(
        BrowseConfig,
        argv,
        prog="python -m eval_harness.browse",
        description="Write a finished run as one HTML page to browse its problems side by side.",
        epilog="example: python -m eval_harness.browse --results outputs/demo/eval --output page.html",
    )
    results = Path(config.results)
    if not config.results or results.is_file():
        raise UserError(f"--results must be the run's output folder, found {config.results!r}")
    page = write_page(load_rows(results), results, config.baseline, Path(config.output) if config.output else None)
    print(f"{page} ({page.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    sys.exit(main())
