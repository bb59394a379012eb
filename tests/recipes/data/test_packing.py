"""Micro-batches under a token budget: every row once, nothing above the budget, and the cuts that cost least."""

from __future__ import annotations

import itertools
import random

import pytest

from recipes.data.packing import FEWEST, TokenBudget, held_tokens, micro_batches, split_further

LENGTHS = sorted(random.Random(0).choices(range(40, 300), k=128), reverse=True)


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("launches", [0, 500, FEWEST])
@pytest.mark.parametrize("tokens", [300, 1000, 4000, 10**6])
def test_every_row_is_in_one_micro_batch_and_none_is_above_the_budget(
    tokens: int, launches: int, joined: bool
) -> None:
    sizes = micro_batches(LENGTHS, TokenBudget(tokens, launches=launches, joined=joined))
    assert sum(sizes) == len(LENGTHS)
    assert min(sizes) > 0
    assert max(held_tokens(LENGTHS, sizes, joined=joined)) <= tokens


def test_a_row_longer_than_the_budget_stands_alone() -> None:
    assert micro_batches([500, 90, 80], TokenBudget(200)) == [1, 2]


def test_no_budget_is_one_micro_batch_and_rows_alone_may_limit_it() -> None:
    assert micro_batches(LENGTHS, TokenBudget()) == [128]
    assert micro_batches(LENGTHS, TokenBudget(rows=32)) == [32] * 4


@pytest.mark.parametrize("launches", [0, 50, 200, FEWEST])
def test_no_other_cut_of_the_rows_costs_less(launches: int) -> None:
    lengths, budget = [90, 80, 60, 35, 30, 30, 8], TokenBudget(200, launches=launches)

    def cost(sizes: list[int]) -> int:
        held = held_tokens(lengths, sizes)
        return sum(held) + launches * len(sizes) if max(held) <= 200 else 10 * FEWEST

    ends = itertools.chain.from_iterable(itertools.combinations(range(1, 7), count) for count in range(7))
    every = [[b - a for a, b in itertools.pairwise([0, *cut, 7])] for cut in ends]
    assert cost(micro_batches(lengths, budget)) == min(map(cost, every))


def test_cheap_launches_cut_padding_away_and_dear_ones_do_not() -> None:
    assert len(set(LENGTHS)) == len(micro_batches(LENGTHS, TokenBudget(launches=0)))
    few, many = (micro_batches(LENGTHS, TokenBudget(launches=cost)) for cost in (4000, 400))
    assert len(few) < len(many)
    assert sum(held_tokens(LENGTHS, few)) > sum(held_tokens(LENGTHS, many))


def test_processes_can_agree_on_more_micro_batches() -> None:
    assert split_further([5, 3], 4) == [3, 2, 2, 1] or sum(split_further([5, 3], 4)) == 8
    assert split_further([2], 5) == [1, 1]
