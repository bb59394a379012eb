"""The problems that a method samples, and in which order they come: of a dataset anew on each pass, fresh ones once.

The order follows from the seed alone, and one pass of `ProblemSampler` is the whole run, so a resumed run goes on with
the very problems that the killed one would have drawn.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

from dataset_builder.dataset_folder.problems import problem_of_row
from dataset_builder.schema.records import Problem
from recipes.data.load import TrainingData


def problems_of(data: TrainingData) -> list[Problem]:
    """The problems of a run, as a solver gets them: columns of the dataset's `default` config, or fresh ones."""
    names = list(data.train)
    rows = (dict(zip(names, values, strict=True)) for values in zip(*data.train.values(), strict=True))
    return [problem_of_row(row, data.facts.get("name", ""), "train") for row in rows]


class ProblemSampler(Sampler[int]):
    """Indices of the rows that a trainer draws samples for.

    A draw is `per_draw` problems, each standing `samples` times side by side; TRL reads a draw once for each
    micro-batch that is trained on it (`repeats`), and samples at the first.
    """

    def __init__(self, count: int, *, per_draw: int, samples: int, repeats: int, draws: int, seed: int) -> None:
        self.count, self.per_draw, self.samples, self.repeats = count, per_draw, samples, repeats
        self.draws, self.seed = draws, seed

    def __len__(self) -> int:
        return self.draws * self.repeats * self.per_draw * self.samples

    def __iter__(self) -> Iterator[int]:
        stream = self._stream()
        for _ in range(self.draws):
            block = list(itertools.islice(stream, self.per_draw))
            for _ in range(self.repeats):
                for index in block:
                    yield from itertools.repeat(index, self.samples)

    def _stream(self) -> Iterator[int]:
        for number in itertools.count():
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
            yield from torch.randperm(self.count, generator=generator).tolist()
