"""The order of training rows: updates of any rows, and inside an update the longest first.

    updates = UpdateSampler([9, 3, 8, 2], per_update=2, seed=0)      # -> for instance [0, 2], [1, 3]

Every update is a plain random draw. Grouping whole updates by length would save padding, but length goes with content:
such updates each teach one kind of problem, which in MicroGSM cost twelve points of accuracy
(recipes/experiments/offline_rl/LOG.md). Inside an update rows of like length stand side by side, so that its
micro-batches (`packing`) hold little padding.

Each epoch's order follows from the seed and the epoch alone: not from the micro-batches, nor the number of processes,
nor where a run was stopped. So all of these train the same updates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch.utils.data import DataLoader, Sampler

if TYPE_CHECKING:
    from datasets import Dataset

T = TypeVar("T")


class UpdateSampler(Sampler[list[int]]):
    """Shuffles the rows and cuts them into updates; gives a process its share of each, longest rows first."""

    def __init__(
        self, lengths: Sequence[int], per_update: int, seed: int, *, process: int = 0, processes: int = 1
    ) -> None:
        """Updates of `per_update` rows.

        Args:
            lengths: tokens of each row.
            per_update: rows of an update, over all processes.
            seed: decides the order.
            process: whose share is given.
            processes: how many share an update; each gets rows of like lengths.
        """
        self.lengths, self.per_update, self.seed = lengths, per_update, seed
        self.process, self.processes = process, processes
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.per_update)

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.lengths), generator=generator).tolist()
        for start in range(0, len(order), self.per_update):
            update = even(order[start : start + self.per_update], self.processes, order)
            ordered = sorted(update, key=lambda row: -self.lengths[row])
            yield ordered[self.process :: self.processes]


class UpdateLoader(DataLoader[Any]):
    """The rows of one update at a time, uncollated; of a process its share."""

    def __init__(self, rows: Dataset, sampler: UpdateSampler) -> None:
        super().__init__(rows, batch_sampler=sampler, collate_fn=list)  # type: ignore[arg-type]
        self.updates = sampler

    def set_epoch(self, epoch: int) -> None:
        """Called by transformers' Trainer at the start of each epoch."""
        self.updates.set_epoch(epoch)


def even(rows: Sequence[T], processes: int, spare: Sequence[T]) -> list[T]:
    """The rows, and as many of `spare` as make their number a multiple of `processes`: only a last update's is not."""
    missing = -len(rows) % processes
    return [*rows, *(spare[index % len(spare)] for index in range(missing))]
