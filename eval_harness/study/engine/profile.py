"""Where the steps run: a Snakemake profile, which is a folder with a config.yaml; ours by name, others by path.

Read here only for what our own runner decides by: who runs the steps, and how many at a time.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.config import read_yaml
from dataset_builder.core.errors import UserError
from dataset_builder.core.values import nearest
from eval_harness.study.engine.gpus import gpus_here
from eval_harness.study.plan import Plan

PROFILES = Path(__file__).with_name("profiles")
NAMES = ("local", "slurm", "hf-jobs", "ray")
ENOUGH = 1_000_000
MOST_HERE = 4


@dataclass(frozen=True)
class Limits:
    """How much may run at a time."""

    jobs: int
    """Steps."""
    gpus: int
    """GPUs they use together; ENOUGH where a scheduler counts them."""
    api: int
    """Steps that ask an endpoint."""


@dataclass(frozen=True)
class Profile:
    """A profile, as far as our runner reads it."""

    name: str
    """What the user called it."""
    folder: Path
    """What Snakemake reads."""
    here: bool
    """Whether steps run on this machine, so that its GPUs are handed out here."""
    limits: Limits
    """How much may run at a time."""


def load_profile(name: str, jobs: int = 0, api: int = 0) -> Profile:
    """A profile by its name or its folder.

    Args:
        name: one of NAMES, or a path.
        jobs: steps at a time; 0: as many as the profile says.
        api: of those, how many may ask an endpoint; 0: as many as the profile says.

    Raises:
        UserError: there is none, or it is no YAML.
    """
    folder = PROFILES / name if name in NAMES else Path(name)
    if not (folder / "config.yaml").is_file():
        raise UserError(f"--profile: no {name!r}{nearest(name, NAMES)}, or a folder with a config.yaml")
    values = read_yaml(folder / "config.yaml")
    here = values.get("executor", "local") == "local"
    said = re.search(r"\bapi=(\d+)", str(values.get("resources", "")))
    own = int(values.get("jobs") or values.get("cores") or min(MOST_HERE, os.cpu_count() or 1))
    limits = Limits(jobs or own, len(gpus_here()) if here else ENOUGH, api or (int(said[1]) if said else 1))
    return Profile(name, folder.absolute(), here, limits)


def missing_gpus(plan: Plan, profile: Profile) -> str:
    """Which step needs more GPUs than there are, and what to do; empty where none does."""
    for step in plan.steps:
        if step.gpu > profile.limits.gpus:
            return (
                f"step {step.name!r} needs {step.gpu} GPUs and this machine has {profile.limits.gpus}; "
                "give --profile slurm (or hf-jobs, ray), or a smaller --scale"
            )
    return ""
