"""Steps as jobs of a service that only has a command line: Hugging Face Jobs (`hf jobs`) and Ray (`ray job`).

Snakemake gives a job script and wants an id; later it gives the id and wants "running", "success" or "failed". Of the
script only its properties are read (which step of which plan), so that nodes need this toolkit and no Snakemake.

Ray's nodes see the study's folder under one path. A Hugging Face Job sees no folder of this machine: the study's
folder is copied into a bucket before the job starts, the bucket is mounted in it, and what the step wrote is copied
back when it has ended. There a step is kept from running twice by a label, looked up before a job is started.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text
from dataset_builder.core.provenance import code_here
from eval_harness.study.engine.states import attempts_folder, done_file, log_file
from eval_harness.study.plan import Plan, read_plan

logger = logging.getLogger(__name__)

MOUNT = "/study"
LABEL = "subq-step"
_PROPERTIES = re.compile(r"^# properties = (\{.*\})$", re.MULTILINE)
_UNKNOWN = re.compile(r"not found|does not exist|404", re.I)
_RAY_ENDS = {"SUCCEEDED": "success", "FAILED": "failed", "STOPPED": "failed"}
_HF_ENDS = {"COMPLETED": "success", "ERROR": "failed", "CANCELED": "failed", "DELETED": "failed"}


@dataclass(frozen=True)
class Job:
    """What a job script is for."""

    plan_file: Path
    """The frozen plan."""
    plan: Plan
    """Its content."""
    name: str
    """Of the step."""
    minutes: int
    """After which the service may end it."""

    @property
    def key(self) -> str:
        """The step with its hash."""
        return self.plan.folder(self.name).name


@dataclass(frozen=True)
class HfOptions:
    """How a Hugging Face Job runs a step."""

    bucket: str
    """org/name; holds the study's folder."""
    gpu_flavor: str
    """Machine of a step that needs a GPU."""
    cpu_flavor: str
    """Machine of the others."""
    image: str
    """With `uv` in it."""
    code: str
    """Where pip finds this toolkit; empty: this checkout's https remote at its commit."""


def read_job(script: Path) -> Job:
    """The step that a job script of Snakemake is for.

    Raises:
        UserError: it is no such script.
    """
    found = _PROPERTIES.search(read_text(script))
    try:
        content = json.loads(found[1] if found else "")
        plan_file, name = Path(content["params"]["plan"]), str(content["params"]["step"])
        minutes = int(content["resources"]["runtime"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{script} is no job script of a study's Snakemake") from error
    return Job(plan_file, read_plan(plan_file), name, minutes)


def submit_ray(job: Job, home: str, python: str) -> str:
    """Starts the step and gives the job's id.

    Args:
        job: the step.
        home: where the packages lie, on every node.
        python: the interpreter there.
    """
    name = f"{job.key}-{uuid.uuid4().hex[:8]}"
    step = [python, "-m", "eval_harness.study.step", "--plan", str(job.plan_file), "--step", job.name, "--wait"]
    gpu = job.plan.step(job.name).gpu
    needs = ["--entrypoint-num-cpus", "1", *(["--entrypoint-num-gpus", str(gpu)] if gpu else [])]
    line = f"cd {shlex.quote(home)} && exec {shlex.join(step)}"
    _run(["ray", "job", "submit", "--no-wait", "--submission-id", name, *needs, "--", "bash", "-c", line])
    return name


def status_ray(job_id: str) -> str:
    """running, success or failed."""
    said = _asked(["ray", "job", "status", job_id])
    return next((end for word, end in _RAY_ENDS.items() if re.search(rf"\b{word}\b", said, re.I)), "running")


def submit_hf(job: Job, options: HfOptions) -> str:
    """Starts the step, unless a job of it runs, and gives the job's id with what is to be copied back.

    Raises:
        UserError: no bucket, no address of the code, or `hf` refuses.
    """
    if not re.fullmatch(r"[^/\s]+/[^/\s]+", options.bucket):
        raise UserError(
            "Hugging Face Jobs keep a study in a bucket: hf buckets create NAME, then SUBQ_BUCKET=org/NAME"
        )
    code = options.code or code_here()
    if not code:
        raise UserError("name where pip finds this toolkit: SUBQ_CODE=git+https://github.com/YOU/gsm8k-ai-subq@COMMIT")
    running = _run(["hf", "jobs", "ls", "--quiet", "--label", f"{LABEL}={job.key}"]).split()
    if running:
        return _with_plan(running[0], job)
    remote = f"hf://buckets/{options.bucket}/{job.plan.study}"
    _run(["hf", "buckets", "sync", str(job.plan.output), remote, "--quiet", "--exclude", ".snakemake/*"])
    gpu = job.plan.step(job.name).gpu
    step = ["--plan", f"{MOUNT}/plans/{job.plan_file.name}", "--step", job.name, "--wait"]
    line = (
        f"uv venv -q /env && uv pip install -q --python /env {shlex.quote(f'gsm8k-ai-subq @ {code}')} && "
        f"/env/bin/python -m eval_harness.study.step {shlex.join(step)}"
    )
    secrets = [name for name in _keys(job) if os.environ.get(name)]
    started = _run(
        [
            *("hf", "jobs", "run", "--detach", "--quiet", "--timeout", f"{job.minutes}m"),
            *("--flavor", options.gpu_flavor if gpu else options.cpu_flavor),
            *("--label", f"{LABEL}={job.key}", "--volume", f"{remote}:{MOUNT}:rw"),
            *(word for name in secrets for word in ("--secrets", name)),  # a name: the value is in no command line
            *(options.image, "bash", "-c", line),
        ]
    )
    return _with_plan(started.split()[-1], job)


def status_hf(job_id: str, options: HfOptions) -> str:
    """running, success or failed; what an ended step wrote has been copied back."""
    name, plan_file, step = json.loads(job_id)
    said = _asked(["hf", "jobs", "inspect", "--json", name])
    stage = re.search(r'"stage": *"(\w+)"', said) or re.search(rf"\b({'|'.join(_HF_ENDS)})\b", said)
    end = _HF_ENDS.get(stage[1].upper() if stage else "", "running")
    if end != "running":
        plan = read_plan(Path(plan_file))
        wrote = [
            plan.folder(step) / "*",
            done_file(plan, step),
            attempts_folder(plan, step) / "*",
            log_file(plan, step),
        ]
        patterns = [word for path in wrote for word in ("--include", str(path.relative_to(plan.output)))]
        remote = f"hf://buckets/{options.bucket}/{plan.study}"
        _run(["hf", "buckets", "sync", remote, str(plan.output), "--quiet", *patterns])
    return end


def _with_plan(job_id: str, job: Job) -> str:
    """All that the later question for its status needs; Snakemake puts it between single quotes."""
    return json.dumps([job_id, str(job.plan_file), job.name], separators=(",", ":")).replace("'", "\\u0027")


def _keys(job: Job) -> tuple[str, ...]:
    """Environment variables that the step may need the values of."""
    return ("HF_TOKEN", "OPENAI_API_KEY") if job.plan.step(job.name).api else ("HF_TOKEN",)


def _asked(command: list[str]) -> str:
    """What a service says of a job; nothing where it can't be asked now, which must not end the study."""
    try:
        return _run(command)
    except UserError as error:
        if _UNKNOWN.search(str(error)):
            return "FAILED DELETED"
        logger.warning("%s; asked again later", error)
        return ""


def _run(command: list[str]) -> str:
    """What a command prints.

    Raises:
        UserError: it is not installed, or it failed.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise UserError(f"no program {command[0]!r}; install it, or choose another --profile") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise UserError(f"`{shlex.join(command[:3])}` failed: {said[-1]}")
    return done.stdout
