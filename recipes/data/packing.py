"""An update's rows -> micro-batches under a token budget: what fits the GPU at once, and costs least.

    micro_batches([90, 80, 30, 20], TokenBudget(tokens=180))    -> [2, 2]: 2 x 90 tokens, then 2 x 30

A micro-batch costs a GPU the launches of its kernels, whatever it holds, and its tokens, padding included. Rows are
sorted by length, so a cut saves padding and costs launches: `TokenBudget.launches` says how many tokens' time these
take, and the cuts that cost least together are chosen (dynamic programming over where to cut).

What an update learns does not depend on the cuts: its loss is divided by what the whole update holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 10**9
"""Of `launches`: as few micro-batches as the budget allows."""


@dataclass(frozen=True)
class TokenBudget:
    """What one forward pass may hold."""

    tokens: int = 0
    """Tokens, padding included; 0: no limit."""
    rows: int = 0
    """Rows; 0: no limit."""
    launches: int = FEWEST
    """As many tokens cost as much time as the launches of one more micro-batch."""
    joined: bool = False
    """Rows are joined into one without padding, so that only their own tokens count."""


def micro_batches(lengths: Sequence[int], budget: TokenBudget) -> list[int]:
    """How many rows each micro-batch takes, in their order; a row longer than the budget stands alone.

    Args:
        lengths: tokens of each row, longest first.
        budget: what a micro-batch may hold, and costs.
    """
    count = len(lengths)
    tokens = np.asarray(lengths, dtype=np.int64)
    before = np.concatenate([[0], np.cumsum(tokens)])
    best, first = np.zeros(count + 1, dtype=np.int64), [0] * (count + 1)
    for end in range(1, count + 1):
        low = max(0, end - budget.rows) if budget.rows else 0
        starts = np.arange(low, end)
        sizes = before[end] - before[starts] if budget.joined else tokens[starts] * (end - starts)
        if budget.tokens:
            fits = sizes <= budget.tokens
            fits[-1] = True
            starts, sizes = starts[fits], sizes[fits]
        costs = best[starts] + sizes + budget.launches
        chosen = int(costs.argmin())
        best[end], first[end] = costs[chosen], int(starts[chosen])
    cuts, end = list[int](), count
    while end:
        cuts.append(end - first[end])
        end = first[end]
    return cuts[::-1]


def split_further(sizes: Sequence[int], parts: int) -> list[int]:
    """The same rows in `parts` micro-batches, or one a row: halves the largest until there are so many."""
    cut = list(sizes)
    while len(cut) < min(parts, sum(cut)):
        largest = max(range(len(cut)), key=lambda index: cut[index])
        half = cut[largest] // 2
        cut[largest : largest + 1] = [cut[largest] - half, half]
    return cut


def held_tokens(lengths: Sequence[int], sizes: Sequence[int], *, joined: bool = False) -> list[int]:
    """Tokens of each micro-batch, padding included."""
    held, start = list[int](), 0
    for size in sizes:
        rows = lengths[start : start + size]
        held.append(sum(rows) if joined else max(rows) * size)
        start += size
    return held
