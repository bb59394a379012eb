"""Scores recorded responses again, under any rule, beside the published figures.

Reads upstream's response files (`reproduction/responses.py` shows a row) and GSM8K's test file; prints both tables, as
published and corrected, and with --json writes the report (`reproduction/rescore.py` shows it). `--published` reads
the published files (SUBQ_DATA).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.answers import RULES
from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.files import write_json
from eval_harness.reproduction.published_files import published_gold, published_responses
from eval_harness.reproduction.rescore import missing_solvers, rescore
from eval_harness.reproduction.responses import PAPER_RULE
from eval_harness.reproduction.tables import replay_tables

EPILOG = """examples:
  python -m eval_harness.replay --published
  python -m eval_harness.replay --responses eval_responses/chatgpt --gold gsm8k/test.jsonl \\
      --rule paper_2402 --rule first_marker --json out.json

rules: paper_2402 compares with each file's own `answer` field, as published; the others with the true golds.
--published needs SUBQ_DATA, the folder that holds gsm8k/ and gsm8k_ai_subq/eval_responses/."""


@dataclass(frozen=True)
class ReplayConfig:
    """Which responses, against which golds, under which rules."""

    responses: list[str] = option([], "response files (.jsonl, .jsonl.gz) or folders of them")
    gold: str = option("", "GSM8K's test.jsonl: the true golds")
    rule: list[str] = option(
        [], f"how answers are read, once or more; empty: {PAPER_RULE}, and first_marker where there are golds", RULES
    )
    json: str = option("", "write the report there as JSON, too", writes="file")
    published: bool = option(False, "the published files, found through SUBQ_DATA")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.replay`."""
    config = parse_config(
        ReplayConfig,
        argv,
        prog="python -m eval_harness.replay",
        description="Score recorded solver responses again, under any answer rule, with intervals.",
        epilog=EPILOG,
    )
    responses, gold = [Path(path) for path in config.responses], Path(config.gold) if config.gold else None
    if config.published:
        responses, gold = responses or published_responses(), gold or published_gold()
    if not responses:
        raise UserError("nothing to score: give --responses <files or folders>, or --published")
    report = rescore(responses, gold, config.rule or [PAPER_RULE, *(["first_marker"] if gold else [])])
    if config.published:
        report["notes"] += missing_solvers(report["files"])
    if config.json:
        write_json(Path(config.json), report, indent=1)
    print(replay_tables(report))
    if config.json:
        print(f"\nwritten to {config.json}")


if __name__ == "__main__":
    sys.exit(main())
