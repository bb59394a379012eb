"""What Snakemake's `cluster-generic` calls in the profiles hf-jobs and ray: starts a step's job, and asks how it does.

Reads a job script of Snakemake; prints the job's id. With `--status` reads such an id; prints running, success or
failed. The environment names the rest: SUBQ_HOME and SUBQ_PYTHON (a study sets them), SUBQ_BUCKET and SUBQ_CODE.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import HOME, option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from eval_harness.study.engine.services import HfOptions, read_job, status_hf, status_ray, submit_hf, submit_ray


@dataclass(frozen=True)
class RemoteConfig:
    """What is asked of which service."""

    what: str = option("", "the job script to start, or the id to ask about", positional=True)
    """A file or an id."""
    service: str = option("", "who runs it", ("hf-jobs", "ray"))
    status: bool = option(False, "ask how the job does")
    gpu_flavor: str = option("a10g-large", "Hugging Face Jobs: machine of a step that needs a GPU")
    cpu_flavor: str = option("cpu-upgrade", "Hugging Face Jobs: machine of the other steps")
    image: str = option("ghcr.io/astral-sh/uv:python3.12-bookworm", "Hugging Face Jobs: image, with uv in it")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.study.engine.remote`."""
    config = parse_config(
        RemoteConfig,
        argv,
        prog="python -m eval_harness.study.engine.remote",
        description="Start a study's step as a job of Hugging Face or Ray, or ask how it does; for Snakemake.",
    )
    if not (config.what and config.service):
        raise UserError("give the job script or the id, and --service hf-jobs or --service ray")
    hf = HfOptions(
        os.environ.get("SUBQ_BUCKET", ""),
        config.gpu_flavor,
        config.cpu_flavor,
        config.image,
        os.environ.get("SUBQ_CODE", ""),
    )
    if config.status:
        print(status_ray(config.what) if config.service == "ray" else status_hf(config.what, hf))
        return
    job = read_job(Path(config.what))
    home, python = os.environ.get("SUBQ_HOME", str(HOME)), os.environ.get("SUBQ_PYTHON", sys.executable)
    print(submit_ray(job, home, python) if config.service == "ray" else submit_hf(job, hf))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
