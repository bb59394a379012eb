"""Where each step of a plan stands, read from what is on disk: while it runs, and after.

    OUTPUT/steps/STEP/          what the command wrote; nothing else writes there
    OUTPUT/done/STEP.json       it is finished: {"step": "build", "seconds": 71.2, "cost_usd": 0.12, ...}
    OUTPUT/attempts/STEP/1.json who tried it, when, and how that ended (`attempts.py`)
    OUTPUT/logs/STEP.log        what its attempts printed
    OUTPUT/launched.json        how the study was run last: {"profile": "local", "jobs": 2, "gpus": 0, "api": 2}

STEP is the step's name with its hash. What a step has cost is what the journals in its folder say.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text
from dataset_builder.llm.journal import FILE_NAME, cost_in
from eval_harness.study.engine.attempts import STALE_S, Attempt, is_gone, read_attempts
from eval_harness.study.plan import Plan

RUN_FILE = "launched.json"
Word = Literal["finished", "running", "waiting", "failed"]


@dataclass(frozen=True)
class State:
    """Where one step stands."""

    name: str
    word: Word
    """finished, running, waiting or failed."""
    seconds: float
    """Wall time of all its attempts so far."""
    cost_usd: float | None
    """What its requests have cost so far; None where a price is not known."""
    note: str = ""
    """Why it failed, who runs it, or what it waits for."""


def done_file(plan: Plan, name: str) -> Path:
    """The file whose presence means that the step is finished."""
    return plan.output / "done" / f"{plan.folder(name).name}.json"


def attempts_folder(plan: Plan, name: str) -> Path:
    return plan.output / "attempts" / plan.folder(name).name


def log_file(plan: Plan, name: str) -> Path:
    return plan.output / "logs" / f"{plan.folder(name).name}.log"


def is_done(plan: Plan, name: str) -> bool:
    return done_file(plan, name).is_file()


def spent(folder: Path) -> float | None:
    """What the replies in a folder's journals cost; None where a price is not known."""
    return cost_in(sorted(folder.rglob(FILE_NAME)))


def states(plan: Plan) -> list[State]:
    """Of every step, in the plan's order."""
    return [_state(plan, name) for name in plan.by_name]


def _state(plan: Plan, name: str) -> State:
    tries = read_attempts(attempts_folder(plan, name))
    seconds = sum(attempt.seconds for attempt in tries.values() if attempt)
    if is_done(plan, name):
        return _finished(plan, name, seconds)
    cost = spent(plan.folder(name)) if tries else 0.0
    last = tries[max(tries)] if tries else None
    if last is None:  # never tried, or its first attempt begins just now
        missing = [parent for parent in plan.step(name).parents if not is_done(plan, parent)]
        return State(name, "waiting", seconds, cost, f"for {', '.join(missing)}" if missing else "to start")
    path = attempts_folder(plan, name) / f"{max(tries)}.json"
    word, note = _word(last, time.time() - path.stat().st_mtime)
    return State(name, word, seconds, cost, note)


def _word(last: Attempt, silent_s: float) -> tuple[Word, str]:
    if last.ended:
        return "failed", last.reason or f"exit code {last.exit}"
    gone = is_gone(last)
    if gone:
        return "failed", f"killed ({last.who}); the same command goes on with it"
    if gone is None and silent_s > STALE_S:
        return "running", f"{last.who}; no sign of life for {silent_s / 60:.0f} min"
    return "running", last.who


def _finished(plan: Plan, name: str, seconds: float) -> State:
    try:
        content = json.loads(read_text(done_file(plan, name)))
        return State(name, "finished", float(content["seconds"]), content["cost_usd"])
    except (ValueError, KeyError, TypeError, UserError):  # touched by hand
        return State(name, "finished", seconds, spent(plan.folder(name)))
