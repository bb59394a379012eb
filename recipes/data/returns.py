"""What the sets of the `trajectories` config earned: checked, summed up, and drawn by.

    {"prompt": ..., "steps": [...], "step_rewards": [0.67, 1.0], "final_reward": 1.0}   ->   a return of 1.835

Source: Yue et al., arXiv 2210.09241 (`resample_rows`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TypeVar

from dataset_builder.core.errors import UserError
from recipes.data.load import Columns

T = TypeVar("T")


def check_trajectories(columns: Columns) -> None:
    """Stops a run whose rewards are missing or do not fit the sub-questions.

    Raises:
        UserError: the first row with a missing reward, one outside [0, 1], or not one reward for each step.
    """
    for number, fault in enumerate(_faults(columns)):
        if fault:
            raise UserError(f"trajectory {number} {fault}")


def sound_trajectories(columns: Columns) -> Columns:
    """The rows of a validation split that `check_trajectories` would let pass."""
    faults = _faults(columns)
    return {
        name: [value for value, fault in zip(values, faults, strict=True) if not fault]
        for name, values in columns.items()
    }


def _faults(columns: Columns) -> list[str]:
    """What is wrong with each row; empty: nothing."""
    rows = zip(columns["steps"], columns["step_rewards"], columns["final_reward"], strict=True)
    return [_fault(*row) for row in rows]


def _fault(steps: Sequence[str], rewards: Sequence[float | None] | None, final: float | None) -> str:
    if not steps:
        return "has no sub-question; leave such sets out and build the dataset again"
    known = [reward for reward in (*(rewards or ()), final) if reward is not None]
    if not rewards or len(known) <= len(rewards):
        return "lacks a reward; answer and label the sets, then build again"
    if len(rewards) != len(steps):
        return f"has {len(steps)} sub-questions and {len(rewards)} step rewards"
    if not all(0 <= reward <= 1 for reward in known):
        return f"has a reward outside [0, 1]: {known}"
    return ""


def set_returns(columns: Columns, *, sparse: bool = False) -> list[float]:
    """Each set's final reward, plus the mean usefulness of its steps unless `sparse`: in [0, 2].

    The mean, not the sum, so that a set is not better for being longer.
    """
    return [
        final + (0.0 if sparse else sum(steps) / len(steps))
        for final, steps in zip(columns["final_reward"], columns["step_rewards"], strict=True)
    ]


def resample_rows(rows: Sequence[T], returns: Sequence[float], temperature: float, seed: int) -> list[T]:
    """As many rows, drawn with replacement in proportion to exp(return / temperature); the rows themselves at 0.

    Where most sets are bad, most updates would teach what to avoid, and few what to do. The support of the data stays
    what it was. The seed decides what is drawn, so that a resumed run draws the same.

    Args:
        rows: of `build_trajectory_rows`, or whatever else has returns.
        returns: of each row, see `set_returns`.
        temperature: in units of reward; below a tenth of the spread of returns little but the best sets is left.
        seed: the recipe's.
    """
    if temperature == 0:
        return list(rows)
    best = max(returns)
    weights = [math.exp((value - best) / temperature) for value in returns]
    return random.Random(f"resample/{seed}").choices(rows, weights, k=len(rows))
