"""The order of rows: all of them once an epoch, like lengths together; seed and epoch alone decide it."""

from __future__ import annotations

import itertools
import random

from recipes.running.order import LikeLengths

LENGTHS = random.Random(0).choices(range(20, 200), k=1000)


def updates(sampler: LikeLengths) -> list[list[int]]:
    order = list(sampler)
    return [order[start : start + sampler.per_update] for start in range(0, len(order), sampler.per_update)]


def test_every_row_comes_once_an_epoch_whatever_the_batch() -> None:
    for per_update in (1, 7, 32, 999, 5000):
        assert sorted(LikeLengths(LENGTHS, per_update, 0)) == list(range(1000))


def test_an_update_holds_rows_of_like_length() -> None:
    spread = [
        max(LENGTHS[row] for row in one) - min(LENGTHS[row] for row in one)
        for one in updates(LikeLengths(LENGTHS, 8, 0))
    ]
    assert sum(spread) / len(spread) < 20


def test_long_and_short_updates_take_turns() -> None:
    means = [sum(LENGTHS[row] for row in one) / len(one) for one in updates(LikeLengths(LENGTHS, 8, 0))]
    rises = sum(after > before for before, after in itertools.pairwise(means))
    assert 0.4 < rises / len(means) < 0.6


def test_order_follows_from_seed_and_epoch() -> None:
    sampler = LikeLengths(LENGTHS, 8, 0)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    assert list(LikeLengths(LENGTHS, 8, 1)) != first
    sampler.set_epoch(0)
    assert list(sampler) == first


def test_a_partial_update_stays_at_its_pools_end() -> None:
    assert len(updates(LikeLengths(LENGTHS[:21], 8, 0))[-1]) == 5
