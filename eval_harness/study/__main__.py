"""Runs a study: its file becomes a frozen plan, and Snakemake runs what of that is not finished.

Reads the study's file and whatever its steps need. Writes `OUTPUT/plan.json` and, as `engine/states.py` lists them,
the steps' folders, logs and states. The first run makes Snakemake's environment, `.venv-snakemake`. The same command
goes on where it stopped, whatever stopped it. Ends with exit code 2 while a step has failed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from eval_harness.study.engine.forecast import text
from eval_harness.study.engine.launch import run_plan
from eval_harness.study.engine.profile import load_profile, missing_gpus
from eval_harness.study.expand import PAGE_FILE, steps_of
from eval_harness.study.plan import freeze, output_of
from eval_harness.study.study_file import SCALES, load_study

EPILOG = """examples:
  make study STUDY=subq                                   # paper A in the embedded world: no key, no GPU
  make study STUDY=subq SCALE=paper ARGS=--dry_run        # steps, price, GPU hours, disk; nothing is touched
  make study STUDY=subq PROFILE=slurm ARGS="--jobs 20 --keep_going"
  make study-status STUDY=subq                            # while it runs, and after"""


@dataclass(frozen=True)
class StudyConfig:
    """What to run, where, and how much at a time."""

    study: str = option("", "name of the study, or its file")
    """Paper A is subq, paper B divide_or_conquer."""
    scale: str = option("embedded", "how large", SCALES)
    profile: str = option("local", "where steps run: local, slurm, hf-jobs, ray, or a folder with a config.yaml")
    jobs: int = option(0, "steps at a time (0: as many as the profile says)", least=0)
    api_jobs: int = option(0, "of those, how many may ask an endpoint (0: as many as the profile says)", least=0)
    keep_going: bool = option(False, "after a failure, run what does not depend on it")
    dry_run: bool = option(False, "print steps, time, price, GPU hours and disk; touch nothing")
    set: list[str] = option([], "change the study's file: key=value, several after one another")
    output: str = option("", "its folder (default: outputs/studies/NAME)", writes="folder")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.study`."""
    config = parse_config(
        StudyConfig,
        argv,
        prog="python -m eval_harness.study",
        description="Run a study: a paper's whole argument, each step once, on this machine or on a cluster.",
        epilog=EPILOG,
    )
    if not config.study:
        raise UserError("which study? give --study NAME (with make: STUDY=NAME)")
    profile = load_profile(config.profile, config.jobs, config.api_jobs)
    study = load_study(config.study, config.scale, config.set)
    steps = steps_of(study, config.scale, config.set, config.study)
    output = Path(config.output or output_of(study.study))
    plan = freeze(steps, output, study=study.study, scale=config.scale)
    if config.dry_run:
        print(text(plan, profile.limits))
        if missing := missing_gpus(plan, profile):
            print(f"to run it: {missing}")
        return
    run_plan(plan, profile, keep_going=config.keep_going)
    print(f"page: {plan.folder(plan.steps[-1].name) / PAGE_FILE}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
