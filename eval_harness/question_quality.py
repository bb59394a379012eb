"""Decomposers side by side by their sub-questions alone: no solver is asked, so it costs no more than the decomposing.

Reads and writes what `pipeline.quality` says, and prints the table. The measures are those of `scoring.quality`. They
say how close a decomposer comes to its references and what can be seen wrong with its questions; whether a solver is
helped by them only `eval_harness.run` says.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dataset_builder.core.config import parse_config
from dataset_builder.core.errors import entry_point
from eval_harness.pipeline.quality import QualityConfig, measure

EPILOG = """\
examples:
  python -m eval_harness.question_quality --source gsm8k_socratic --decomposers checkpoint:outputs/bc
  python -m eval_harness.question_quality --source my-subq --split test --references my-subq \\
      --decomposers checkpoint:outputs/bc published:llama7b/eval_finetune --output outputs/quality

decomposers: checkpoint:PATH  api:MODEL  recorded:FILE  published:FILE  reference"""


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.question_quality`."""
    config = parse_config(
        QualityConfig,
        argv,
        prog="python -m eval_harness.question_quality",
        description="Compare decomposers by their sub-questions alone, without a solver.",
        epilog=EPILOG,
    )
    print(measure(config), end="")


if __name__ == "__main__":
    sys.exit(main())
