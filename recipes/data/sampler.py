"""The order of training rows: updates of any rows, and inside an update rows of like length side by side.

    indices = LengthSortedSampler([9, 3, 8, 2], per_update=2, seed=0)      # -> for instance 2, 3, 0, 1

A micro-batch is a slice of an update, so it holds rows of like length and little padding, while every update is a
plain random draw. Grouping whole updates by length would save more padding where an update is one micro-batch, but
length goes with content: such updates each teach one kind of problem, which in MicroGSM cost twelve points of accuracy
(recipes/experiments/offline_rl/LOG.md).

Each epoch's order follows from the seed and the epoch alone: not from the micro-batch, nor the number of processes,
nor where a run was stopped. So all of these train the same updates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler


class LengthSortedSampler(Sampler[int]):
    """Shuffles the rows, cuts them into updates, and puts each update's longest rows first."""

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
        for start in range(0, len(order), self.per_update):
            yield from sorted(order[start : start + self.per_update], key=lambda row: -self.lengths[row])
