"""How a study stands, for people: each step with its state, time, cost and reason, and what is left.

The time left is the plan's estimates at the pace of what has finished so far.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text
from dataset_builder.core.markdown import draw_table
from dataset_builder.core.progress import clock
from eval_harness.study.engine.forecast import wall_minutes
from eval_harness.study.engine.profile import ENOUGH, Limits
from eval_harness.study.engine.states import RUN_FILE, State, Word, log_file, states
from eval_harness.study.plan import Plan

WORDS: tuple[Word, ...] = ("finished", "running", "waiting", "failed")


def status_text(plan: Plan) -> str:
    """The whole of it; reads, and writes nothing."""
    now = states(plan)
    counts = Counter(state.word for state in now)
    said = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
    rows = [[state.name, state.word, clock(state.seconds), _usd(state.cost_usd), state.note] for state in now]
    failed = [f"log        {log_file(plan, state.name)}" for state in now if state.word == "failed"]
    return "\n".join(
        [
            f"study {plan.study}, scale {plan.scale}: {said} of {len(now)} steps",
            draw_table(["step", "state", "time", "USD", ""], rows),
            f"cost       {_cost(now, plan)}",
            f"time       {clock(sum(state.seconds for state in now))} of steps so far, {_left(plan, now)}",
            *failed,
        ]
    )


def _usd(cost: float | None) -> str:
    return "?" if cost is None else f"{cost:.2f}" if cost else ""


def _cost(now: list[State], plan: Plan) -> str:
    known = sum(state.cost_usd or 0.0 for state in now)
    unknown = sum(state.cost_usd is None for state in now)
    more = f", and what {unknown} steps cost whose prices are not known" if unknown else ""
    return f"{known:.2f} USD so far{more}; the plan says about {sum(step.price_usd for step in plan.steps):.2f} USD"


def _left(plan: Plan, now: list[State]) -> str:
    left = remaining_minutes(plan, now)
    if not left:
        return "nothing left"
    limits, profile = _run(plan.output)
    minutes = wall_minutes(plan, left, limits)
    if math.isinf(minutes):
        return f"{sum(left.values()):.0f} minutes of steps left"
    return f"about {minutes:.0f} minutes left ({profile}, {limits.jobs} at a time)"


def remaining_minutes(plan: Plan, now: list[State]) -> dict[str, float]:
    """By unfinished step: what it still takes, at the pace of those that finished."""
    finished = [state for state in now if state.word == "finished"]
    estimated = sum(plan.step(state.name).minutes for state in finished)
    pace = sum(state.seconds for state in finished) / 60 / estimated if estimated else 1.0
    left = {}
    for state in now:
        if state.word != "finished":
            spent = state.seconds / 60 if state.word == "running" else 0.0
            left[state.name] = max(plan.step(state.name).minutes * pace - spent, 0.0)
    return left


def _run(output: Path) -> tuple[Limits, str]:
    """How much runs at a time, as the last run had it."""
    try:
        content = json.loads(read_text(output / RUN_FILE))
        return Limits(int(content["jobs"]), int(content["gpus"]), int(content["api"])), str(content["profile"])
    except (UserError, ValueError, KeyError, TypeError):  # never run
        return Limits(1, ENOUGH, 1), "not run yet"
