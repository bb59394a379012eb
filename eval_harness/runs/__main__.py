"""What is finished, running, stopped and broken below a folder; with two folders: how those two runs differ.

Reads what runs leave (records, resolved settings, journals); writes nothing and loads no weights.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from eval_harness.runs.find import find_runs, find_two
from eval_harness.runs.tables import runs_table, side_by_side

EPILOG = """examples:
  python -m eval_harness.runs
  python -m eval_harness.runs outputs/mistral-7b --format json
  python -m eval_harness.runs outputs/demo/bc outputs/demo/filtered_bc

running: a process of this machine holds it; stopped: the same command goes on from there; broken: files that cannot be
read, or requests that failed. A checkpoint's accuracy is that of a pair below the same folder that has its weights."""


@dataclass(frozen=True)
class RunsConfig:
    """Which runs."""

    folders: list[str] = option(["outputs"], "one folder to look below, or two runs to compare", positional=True)
    format: str = option("table", "what is printed of one folder", ("table", "json"))


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.runs`."""
    config = parse_config(
        RunsConfig,
        argv,
        prog="python -m eval_harness.runs",
        description="List runs: finished, running, stopped, broken, with scores and costs; or compare two of them.",
        epilog=EPILOG,
    )
    if len(config.folders) > 2:
        raise UserError(f"one folder to look below, or two runs to compare; found {len(config.folders)}")
    places = [Path(folder) for folder in config.folders]
    if len(places) == 2:
        print(side_by_side(*find_two(*places)))
    elif config.format == "json":
        print(json.dumps([dataclasses.asdict(run) for run in find_runs(places[0])], indent=1))
    else:
        print(runs_table(find_runs(places[0])))


if __name__ == "__main__":
    sys.exit(main())
