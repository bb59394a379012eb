"""Runs one step of a frozen plan; what a study starts for each, on this machine or on a node of a cluster.

Reads `OUTPUT/plans/HASH.json`. Writes what the step's command writes into its folder, `logs/STEP.log`,
`attempts/STEP/N.json`, and at the end `done/STEP.json`. A step that is finished ends at once; one that is being run
elsewhere is refused, or waited for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from eval_harness.study.engine.running import run_step
from eval_harness.study.plan import read_plan


@dataclass(frozen=True)
class StepConfig:
    """Which step."""

    plan: str = option("", "a study's plans/HASH.json, or its folder for the newest")
    """The frozen plan."""
    step: str = option("", "name of the step")
    """As in the plan."""
    wait: bool = option(False, "where the step is being run elsewhere: wait for its end instead of refusing")
    hand_out_gpus: bool = option(False, "take free GPUs of this machine; on a cluster its scheduler does that")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.study.step`."""
    config = parse_config(
        StepConfig,
        argv,
        prog="python -m eval_harness.study.step",
        description="Run one step of a study's frozen plan, unless it is finished or being run elsewhere.",
    )
    for name in ("plan", "step"):
        if not getattr(config, name):
            raise UserError(f"--{name} is needed; `make study` gives it")
    run_step(read_plan(Path(config.plan)), config.step, wait=config.wait, hand_out_gpus=config.hand_out_gpus)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
