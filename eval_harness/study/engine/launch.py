"""Runs a plan: under one lock, through Snakemake, with a line for each step that ends.

Writes what `states` lists, `OUTPUT/launched.json` (who runs it, and how much at a time: for `study-status`) and
`OUTPUT/snakemake.log`. The lock is Snakemake's too, and Snakemake dies with this process; steps do not: those still
running when everything else was killed are found, and waited for, by the next run.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataset_builder.core.config import HOME
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_json
from dataset_builder.core.locks import lock_file, unlock_file
from dataset_builder.core.progress import clock, tell
from eval_harness.study.engine.environment import snakemake_program
from eval_harness.study.engine.processes import Stop, check_system, die_with_parent, stoppable
from eval_harness.study.engine.profile import Profile, missing_gpus
from eval_harness.study.engine.states import RUN_FILE, State, log_file, states
from eval_harness.study.plan import Plan, write_plan

SNAKEFILE = Path(__file__).with_name("Snakefile")
POLL_S = 2.0


def run_plan(plan: Plan, profile: Profile, *, keep_going: bool = False) -> None:
    """Runs what is not finished.

    Args:
        plan: of the study.
        profile: where its steps run.
        keep_going: after a failure, run what does not depend on it.

    Raises:
        UserError: a step failed, the study is being run already, or Snakemake refuses.
    """
    check_system()
    if missing := missing_gpus(plan, profile):
        raise UserError(missing)
    program = snakemake_program()
    plan.output.mkdir(parents=True, exist_ok=True)
    with _locked(plan.output / "study") as lock:
        frozen = write_plan(plan)
        write_json(plan.output / RUN_FILE, {"profile": profile.name, **dataclasses.asdict(profile.limits)})
        log = plan.output / "snakemake.log"
        with log.open("wb") as printed:
            command = snakemake_command(program, plan, frozen, profile, keep_going=keep_going)
            code, stopped = _follow(plan, command, _environment(profile), lock, printed.fileno())
        _report(plan, code, stopped, log)


def snakemake_command(program: Path, plan: Plan, frozen: Path, profile: Profile, *, keep_going: bool) -> list[str]:
    """The command line.

    Args:
        program: Snakemake.
        plan: of the study.
        frozen: its file.
        profile: where its steps run.
        keep_going: as of `run_plan`.
    """
    limits = profile.limits
    return [
        *(str(program), "--snakefile", str(SNAKEFILE), "--profile", str(profile.folder)),
        *("--directory", str(plan.output), "--nocolor"),
        # The lock is ours. What is incomplete shows in done/, and --rerun-incomplete would start again what runs on.
        *("--nolock", "--ignore-incomplete", "--rerun-triggers", "input", "mtime"),
        *("--cores" if profile.here else "--jobs", str(limits.jobs)),
        *("--resources", f"api={limits.api}", f"gpu={limits.gpus}"),
        *(["--keep-going"] if keep_going else []),
        *("--config", f"plan={frozen}", f"home={HOME}", f"python={sys.executable}", f"hand_out_gpus={profile.here}"),
    ]


def _environment(profile: Profile) -> dict[str, str]:
    """Of Snakemake and, on this machine, of the steps: so many threads each that they share its processors."""
    environment = {**os.environ, "SUBQ_HOME": str(HOME), "SUBQ_PYTHON": sys.executable}
    if profile.here:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // profile.limits.jobs)))
    return environment


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    lock = lock_file(path, "see `make study-status`")
    try:
        yield lock
    finally:
        unlock_file(lock)


def _follow(plan: Plan, command: list[str], environment: dict[str, str], lock: int, printed: int) -> tuple[int, bool]:
    """(Snakemake's exit code, whether it was asked to stop); meanwhile what ends is told.

    Args:
        plan: of the study.
        command: Snakemake.
        environment: its own.
        lock: that it holds, too.
        printed: where it prints.
    """
    told = {_end(state) for state in states(plan)}
    tell(f"{plan.study}: {_progress(states(plan))}")
    stopped = False
    with stoppable():
        engine = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            pass_fds=(lock,),
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        while True:
            try:
                code = engine.wait(POLL_S)
            except subprocess.TimeoutExpired:
                _tell_ends(plan, told)
            except Stop:
                stopped = True
                tell(f"{plan.study}: stopping; steps in flight write what they have")
                os.killpg(engine.pid, signal.SIGINT)
            else:
                _tell_ends(plan, told)
                return code, stopped


def _end(state: State) -> str:
    return f"{state.name} {state.word} {state.note}"


def _tell_ends(plan: Plan, told: set[str]) -> None:
    now = states(plan)
    for state in now:
        if state.word in ("finished", "failed") and _end(state) not in told:
            told.add(_end(state))
            money = f" · {state.cost_usd:.2f} USD" if state.cost_usd else ""
            end = f"{clock(state.seconds)}{money}" if state.word == "finished" else f"failed: {state.note}"
            tell(f"{plan.study}: {_progress(now)} · {state.name} · {end}")


def _progress(now: list[State]) -> str:
    return f"{sum(state.word == 'finished' for state in now)}/{len(now)} steps finished"


def _report(plan: Plan, code: int, stopped: bool, log: Path) -> None:
    now = states(plan)
    failed = [state for state in now if state.word == "failed"]
    waiting = sum(state.word == "waiting" for state in now)
    after = f"; {waiting} steps wait" if waiting else ""
    if stopped and code:
        raise UserError(f"stopped: {_progress(now)}{after}; the same command goes on")
    if failed and code:
        more = f" ({len(failed)} failed: see `make study-status`)" if len(failed) > 1 else ""
        raise UserError(
            f"step {failed[0].name!r} failed: {failed[0].note}{more}{after}; when that is mended the same command "
            f"goes on; log: {log_file(plan, failed[0].name)}"
        )
    if code:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise UserError(f"Snakemake ended with {code} ({lines[-1][:200] if lines else 'it said nothing'}); see {log}")
