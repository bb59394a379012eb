"""`python -m dataset_builder.llm.journal DIR`: what a run's journal holds, as a table of counts or as JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.errors import entry_point
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


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    import argparse

    parser = argparse.ArgumentParser(
        prog="python -m dataset_builder.llm.journal",
        description="Print what a run's journal holds: requests, tokens and cost by task and outcome.",
        epilog="The journal may be read while a run writes it. With --export it becomes greppable JSON lines.",
    )
    parser.add_argument("folder", type=Path, help="the run's output folder, or its journal.sqlite")
    parser.add_argument("--export", type=Path, metavar="FILE", help="also write every record as one JSON line")
    options = parser.parse_args(argv)
    with Journal(options.folder, read_only=True) as journal:
        print(format_totals(journal.totals()))
        if options.export:
            print(f"{export(journal, options.export):,} records written to {options.export}")


if __name__ == "__main__":
    sys.exit(main())
