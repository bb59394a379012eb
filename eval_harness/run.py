"""Scores decomposer + solver pairs: a whole grid in one run, resumable, with a record per pair.

Reads problems by name (or a jsonl with question and answer) and whatever the decomposers and solvers need. Writes

    OUTPUT/config.yaml              the resolved config
    OUTPUT/journal.sqlite           every request and its answer; a rerun asks nothing twice
    OUTPUT/predictions/PAIR.jsonl   what was received, on disk before it is scored
    OUTPUT/verdicts/PAIR.jsonl      verdict, extracted text and explanation per problem
    OUTPUT/results/PAIR.json        the ResultsRecord
    OUTPUT/table.md, .tex, .csv     the table; report.md, with equal tokens and cost, is what is printed
    OUTPUT/accuracy.png, .svg       the same as a forest plot
    OUTPUT/page.html                the problems side by side, two pairs next to each other (and problems.jsonl)

where PAIR is DECOMPOSER--SOLVER. Ends with exit code 2 when requests failed: their problems count as `request_failed`,
the records say `publishable: false`, and the same command asks only what is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import UserError, entry_point
from eval_harness.pipeline.config import EvalConfig
from eval_harness.pipeline.grid import run_config
from eval_harness.records.rows import PairRow
from eval_harness.reporting.run_report import markdown_report, write_report
from eval_harness.reporting.viewer import write_page

EPILOG = """examples:
  python -m eval_harness.run --config eval_harness/configs/demo.yaml
  python -m eval_harness.run --source gsm8k --split test --limit 200 --output outputs/eval \\
      --decomposers reference api:gpt-4o-mini checkpoint:outputs/bc none direct \\
      --solvers openai:gpt-4o-mini transformers:Qwen/Qwen2.5-0.5B-Instruct --baseline none

decomposers: checkpoint:PATH  api:MODEL  recorded:FILE  published:FILE  reference
             none  direct  cot_zero_shot  cot_few_shot  self_ask  (single stage; @K votes over K samples)
solvers:     openai:MODEL  transformers:PATH  vllm:PATH  recorded:FILE

The API key is read from OPENAI_API_KEY. The base URL "micro_gsm" starts the embedded world's server."""


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.run`."""
    config = parse_config(
        EvalConfig,
        argv,
        prog="python -m eval_harness.run",
        description="Score decomposer + solver pairs, with intervals and tests of their differences.",
        epilog=EPILOG,
    )
    rows = evaluate(config)
    failed = {row.record.name: row.record.counts["request_failed"] for row in rows}
    if sum(failed.values()):
        worst = max(failed, key=lambda name: failed[name])
        scores = (score for row in rows for score in row.scores)
        reason = next(score.explanation for score in scores if score.verdict == "request_failed")
        raise UserError(
            f"{sum(failed.values())} requests failed ({failed[worst]} of {worst}; the first: {reason}); "
            "these records are not publishable: run the same command again, it asks only what is missing (with "
            "--retry_failed also what was refused for good)"
        )


def evaluate(config: EvalConfig) -> list[PairRow]:
    """Runs the grid, writes everything, prints the table, and returns a row per pair."""
    rows, output = run_config(config), Path(config.output)
    write_report(rows, output, config.baseline)
    page = write_page(rows, output, config.baseline)
    print(markdown_report(rows, config.baseline))
    print(f"\nrecords {output}/results, predictions {output}/predictions, figure {output}/accuracy.png, page {page}")
    return rows


if __name__ == "__main__":
    sys.exit(main())
