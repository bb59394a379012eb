"""grpo: samples of a problem that earn more than its other samples become likelier, on TRL's GRPOTrainer.

Each draw takes problems and, for each, `samples_per_problem` sets; a solver answers them, and a set's advantage is
its reward less the mean of its group, over the group's spread. A group whose sets all earn the same teaches nothing:
with `oversample` more problems are drawn than are trained on, and those groups are the first to be left out. A draw is
trained on by one update, or by `updates_per_draw` of them with the ratio to what drew it clipped.

Source: Shao et al., arXiv 2402.03300 (the loss is TRL's default, DAPO's token mean); Yu et al., arXiv 2503.14476,
section 3.2 (dynamic sampling).
Differences: 1. the KL is held to the checkpoint of the start; 2. one larger draw instead of drawing until a batch is
full, so that an update asks a known number of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recipes.config.settings import GrpoSettings
from recipes.methods.online.rewards import Earned
from recipes.methods.online.rollouts import RolloutMethod, RolloutTrainer, rows_of
from recipes.models.types import Batch


class GrpoTrainer(RolloutTrainer):
    """Leaves the groups out that teach nothing, as far as more were drawn."""

    def chosen(self, output: Batch, earned: Sequence[Earned]) -> Batch:
        if self.oversample == 1:
            return output
        kept = groups_with_spread([item.total for item in earned], self.samples, self.oversample)
        return rows_of(output, [row for group in kept for row in group], len(earned))


def groups_with_spread(totals: Sequence[float], size: int, oversample: int) -> list[range]:
    """The rows of the groups to keep, one in `oversample`: those with different rewards first.

    >>> groups_with_spread([1, 1, 0, 1, 0, 0], size=2, oversample=3)
    [range(2, 4)]
    """
    groups = [range(start, start + size) for start in range(0, len(totals), size)]
    ranked = sorted(groups, key=lambda rows: len({totals[row] for row in rows}) == 1)
    return ranked[: len(groups) // oversample]


class Grpo(RolloutMethod):
    """grpo."""

    trainer_class = GrpoTrainer
    settings: GrpoSettings

    def own_arguments(self) -> dict[str, Any]:
        return super().own_arguments() | {"beta": self.settings.kl, "num_iterations": self.settings.updates_per_draw}
