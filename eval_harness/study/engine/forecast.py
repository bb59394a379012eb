"""What a plan will take: wall time with so many steps at a time, price, GPU hours and disk. Nothing is touched.

The time is that of a walk through the plan: whatever may start does, the longest way to the end first, within the
limits. Minutes are the steps' own estimates.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from functools import cache

from dataset_builder.core.markdown import draw_table
from eval_harness.study.engine.profile import Limits
from eval_harness.study.engine.states import is_done
from eval_harness.study.plan import Plan, Step


def wall_minutes(plan: Plan, minutes: Mapping[str, float], limits: Limits) -> float:
    """How long the steps named in `minutes` take together; the others count as finished.

    Args:
        plan: the study's.
        minutes: by name of a step: what it still needs.
        limits: how much may run at a time.
    """
    way = _ways_to_the_end(plan, minutes)
    free = {"jobs": limits.jobs, "gpu": limits.gpus, "api": limits.api}
    waiting, unfinished = sorted(minutes, key=lambda name: -way[name]), set(minutes)
    running: list[tuple[float, str]] = []
    now = 0.0
    while unfinished:
        for name in list(waiting):
            needs = _needs(plan.step(name))
            if unfinished.isdisjoint(plan.step(name).parents) and all(free[key] >= needs[key] for key in needs):
                free = {key: free[key] - needs[key] for key in free}
                heapq.heappush(running, (now + minutes[name], name))
                waiting.remove(name)
        if not running:  # a step needs more than there is
            return math.inf
        now, name = heapq.heappop(running)
        unfinished.remove(name)
        free = {key: free[key] + count for key, count in _needs(plan.step(name)).items()}
    return now


def _needs(step: Step) -> dict[str, int]:
    return {"jobs": 1, "gpu": step.gpu, "api": int(step.api)}


def _ways_to_the_end(plan: Plan, minutes: Mapping[str, float]) -> dict[str, float]:
    """By step: the minutes of the longest chain that begins with it."""
    children: dict[str, list[str]] = {name: [] for name in plan.by_name}
    for step in plan.steps:
        for parent in step.parents:
            children[parent].append(step.name)

    @cache
    def way(name: str) -> float:
        return minutes.get(name, 0.0) + max((way(child) for child in children[name]), default=0.0)

    return {name: way(name) for name in plan.by_name}


def text(plan: Plan, limits: Limits) -> str:
    """The steps with what each takes, and the sums of those that will run."""
    left = [step for step in plan.steps if not is_done(plan, step.name)]
    rows = [
        [
            step.name,
            f"{step.minutes:g}",
            f"{step.price_usd:.2f}" if step.price_usd else "",
            str(step.gpu or ""),
            f"{step.disk_gb:.2f}" if step.disk_gb else "",
            "" if step in left else "finished",
        ]
        for step in plan.steps
    ]
    wall = wall_minutes(plan, {step.name: step.minutes for step in left}, limits)
    at_a_time = f"about {wall:.0f} minutes, {limits.jobs} at a time" if math.isfinite(wall) else "not on this machine"
    one_by_one = sum(step.minutes for step in left)
    return "\n".join(
        [
            f"study {plan.study}, scale {plan.scale}: {len(plan.steps)} steps, {len(left)} to run",
            draw_table(["step", "minutes", "USD", "GPUs", "GB", ""], rows),
            f"time       {at_a_time} ({one_by_one:.0f} minutes one by one)",
            f"price      about {sum(step.price_usd for step in left):.2f} USD for requests",
            f"GPU hours  about {sum(step.gpu * step.minutes for step in left) / 60:.1f}",
            f"disk       about {sum(step.disk_gb for step in left):.2f} GB in {plan.output}",
        ]
    )
