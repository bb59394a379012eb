"""The order of training rows: rows of like length in one update, updates of every length in any order.

    indices = LikeLengths([9, 3, 8, 2], per_update=2, seed=0)      # -> for instance 3, 1, 0, 2

Each epoch's order follows from the seed and the epoch alone: not from the micro-batch, nor the number of processes,
nor where a run was stopped. So all of these train the same updates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

UPDATES_PER_POOL = 50


class LikeLengths(Sampler[int]):
    """Draws pools of rows, sorts each by length, cuts it into updates, and shuffles the updates of the pool.

    Sorting whole epochs would put the same rows together every time; leaving a pool sorted, as length grouping usually
    does, would train on long rows first and on short ones last, fifty updates at a time.
    """

    def __init__(self, lengths: Sequence[int], per_update: int, seed: int) -> None:
        self.lengths, self.per_update, self.seed = lengths, per_update, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.lengths), generator=generator).tolist()
        pool = self.per_update * max(1, min(UPDATES_PER_POOL, len(order) // (4 * self.per_update)))
        for start in range(0, len(order), pool):
            rows = sorted(order[start : start + pool], key=lambda row: -self.lengths[row])
            updates = [rows[cut : cut + self.per_update] for cut in range(0, len(rows), self.per_update)]
            partial = (
                [updates.pop()] if len(updates[-1]) < self.per_update else []
            )  # stays last, or it would shift all
            places = torch.randperm(len(updates), generator=generator).tolist()
            for update in [*(updates[place] for place in places), *partial]:
                yield from update
