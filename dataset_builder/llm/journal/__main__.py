"""`python -m dataset_builder.llm.journal DIR`: what a run's journal holds, as a table of counts or as JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.llm.journal import Journal, Totals, export


def format_totals(totals: Sequence[Totals]) -> str:
    """A table of the counts for people."""
    lines = [f"{'task':<12}{'outcome':<16}{'requests':>10}{'prompt tok':>13}{'reply tok':>12}{'USD':>12}  model"]
    for row in totals:
        cost = f"{row.cost_usd:.4f}" if row.unpriced < row.requests else "unknown"
        lines.append(
            f"{row.task:<12}{row.outcome:<16}{row.requests:>10,}{row.prompt_tokens:>13,}{row.completion_tokens:>12,}"
            f"{cost:>12}  {row.model}"
        )
    return "\n".join(lines)


@dataclass(frozen=True)
class JournalConfig:
    """Which journal."""

    folder: str = option("", "the run's output folder, or its journal.sqlite", positional=True)
    export: str = option("", "also write every record as one JSON line into this file", writes="file")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = parse_config(
        JournalConfig,
        argv,
        prog="python -m dataset_builder.llm.journal",
        description="Print what a run's journal holds: requests, tokens and cost by task and outcome.",
        epilog="The journal may be read while a run writes it. With --export it becomes greppable JSON lines.",
    )
    if not config.folder:
        raise UserError("name the run's output folder: python -m dataset_builder.llm.journal FOLDER")
    with Journal(Path(config.folder), read_only=True) as journal:
        print(format_totals(journal.totals()))
        if config.export:
            print(f"{export(journal, Path(config.export)):,} records written to {config.export}")


if __name__ == "__main__":
    sys.exit(main())
