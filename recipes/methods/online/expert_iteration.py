"""expert_iteration: sample sets, keep those that the solver solves, clone them; round after round.

A round draws as many samples as its updates will train on, or `oversample` times as many, from the policy as it then
is; the updates train on the right ones alone, each as often as it takes, or on a drawn part of them. So at the same
updates, batch size and `oversample` it draws as many samples as grpo.

Source: Anthony et al., arXiv 1705.08439; Singh et al., arXiv 2312.06585 (ReST-EM), without its restart from the base.
Differences: 1. in GRPOTrainer's loop with an advantage of 1 and a probability ratio of 1, whose gradient is cloning's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch

from recipes.config.settings import ExpertIterationSettings
from recipes.methods.online.rewards import Earned
from recipes.methods.online.rollouts import RolloutMethod, RolloutTrainer, rows_of
from recipes.models.types import Batch

RIGHT = 0.5
"""A set is kept whose outcome is above this."""


class ExpertTrainer(RolloutTrainer):
    """Trains on the right samples of a round."""

    def chosen(self, output: Batch, earned: Sequence[Earned]) -> Batch:
        right = [row for row, item in enumerate(earned) if item.parts["solver"] > RIGHT]
        count = len(earned) // self.oversample
        rows = repeated(right or list(range(len(earned))), count, seed=self.state.global_step)
        kept = rows_of(output, rows, len(earned))
        kept.pop("old_per_token_logps", None)  # without it the ratio is 1, and the gradient that of log p
        return kept | {"advantages": torch.full_like(kept["advantages"], float(bool(right)))}


def repeated(rows: Sequence[int], count: int, seed: int) -> list[int]:
    """`count` of the rows, each as often as the others but for one, in a drawn order.

    >>> sorted(repeated([4, 7], 5, seed=0))[:4]
    [4, 4, 7, 7]
    """
    rng, drawn = random.Random(seed), list[int]()
    while len(drawn) < count:
        drawn += rng.sample(rows, len(rows))
    return drawn[:count]


class ExpertIteration(RolloutMethod):
    """expert_iteration."""

    trainer_class = ExpertTrainer
    settings: ExpertIterationSettings

    def own_arguments(self) -> dict[str, Any]:
        shared = super().own_arguments()
        steps = shared["gradient_accumulation_steps"] * self.settings.updates_per_round
        return shared | {"beta": 0.0, "steps_per_generation": steps}
