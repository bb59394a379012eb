"""How a study stands: what is finished, running, waiting, failed and why, what it cost, and how long it will take.

Reads `OUTPUT/plan.json` and the states of its steps, while the study runs and after; writes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from eval_harness.study.engine.status import status_text
from eval_harness.study.plan import output_of, read_plan


@dataclass(frozen=True)
class StatusConfig:
    """Which study."""

    study: str = option("", "name of the study")
    """As `make study` takes it."""
    output: str = option("", "its folder (default: outputs/studies/NAME)")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.study.status`."""
    config = parse_config(
        StatusConfig,
        argv,
        prog="python -m eval_harness.study.status",
        description="How a study stands, while it runs and after: states, reasons, cost, time left.",
    )
    if not (config.study or config.output):
        raise UserError("which study? give --study NAME (with make: STUDY=NAME), or --output DIR")
    print(status_text(read_plan(Path(config.output or output_of(config.study)))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
