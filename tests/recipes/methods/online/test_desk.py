"""Rewards are asked for in the background, in order, and what waits goes out together."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from recipes.methods.online.desk import RewardDesk
from recipes.methods.online.rewards import Earned, Sample

(PROBLEM,) = generate_problems("train", 1, seed=3)


def sample(text: str) -> Sample:
    return Sample(PROBLEM, text, True)


def test_drawing_goes_on_while_a_reward_is_asked_for_and_what_waits_is_asked_together() -> None:
    asked, go_on, begun = list[list[str]](), threading.Event(), threading.Event()

    def ask(samples: Sequence[Sample]) -> list[Earned]:
        asked.append([item.text for item in samples])
        begun.set()
        assert go_on.wait(10)
        return [Earned({"solver": float(item.text)}, True) for item in samples]

    with RewardDesk(ask) as desk:
        desk.hand_in([sample("1")])
        assert begun.wait(10)
        desk.hand_in([sample("2"), sample("3")])
        desk.hand_in([sample("4")])
        assert asked == [["1"]]
        go_on.set()
        assert [item.total for item in desk.collect()] == [1, 2, 3, 4]
        assert asked == [["1"], ["2", "3", "4"]]
        desk.hand_in([sample("5")])
        assert [item.total for item in desk.collect()] == [5]


def test_a_failure_comes_with_collecting_and_nothing_of_it_stays() -> None:
    fail = [True]

    def ask(samples: Sequence[Sample]) -> list[Earned]:
        if fail.pop() if fail else False:
            raise UserError("the endpoint is down")
        return [Earned({"solver": 1.0}, True) for _ in samples]

    with RewardDesk(ask) as desk:
        desk.hand_in([sample("1"), sample("2")])
        with pytest.raises(UserError, match="is down"):
            desk.collect()
        desk.hand_in([sample("3")])
        assert len(desk.collect()) == 1
