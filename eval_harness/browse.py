"""Writes a finished run as one page to browse its problems side by side:

python -m eval_harness.browse --results outputs/demo/eval --output page.html
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.errors import UserError, entry_point
from eval_harness.report import load_rows
from eval_harness.reporting.viewer import PAGE_FILE, write_page


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.browse`."""
    parser = argparse.ArgumentParser(
        prog="python -m eval_harness.browse",
        description="Write a finished run as one HTML page to browse its problems side by side.",
        epilog="example: python -m eval_harness.browse --results outputs/demo/eval --output page.html",
    )
    parser.add_argument("--results", type=Path, required=True, metavar="DIR", help="the run's output folder")
    parser.add_argument("--output", type=Path, metavar="FILE", help=f"the page (default: DIR/{PAGE_FILE})")
    parser.add_argument("--baseline", default="none", help="the row to compare with (default: none)")
    options = parser.parse_args(argv)
    if options.results.is_file():
        raise UserError(f"{options.results} is a file; give the run's output folder")
    page = write_page(load_rows(options.results), options.results, options.baseline, options.output)
    print(f"{page} ({page.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    sys.exit(main())
