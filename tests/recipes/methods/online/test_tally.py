"""What a run has drawn, and the two warnings that save its user's money."""

from __future__ import annotations

import logging

import pytest

from dataset_builder.core.errors import UserError
from recipes.methods.online.rewards import Earned
from recipes.methods.online.tally import SampleTally


def earned(*totals: float, readable: bool = True) -> list[Earned]:
    return [Earned({"solver": total}, readable, ("p", str(k))) for k, total in enumerate(totals)]


def told(tally: SampleTally, caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING):
        for update in range(1, 60):
            tally.watch(update)
    return [record.getMessage() for record in caplog.records]


def test_a_reward_that_never_differs_is_told_once_with_its_share(caplog: pytest.LogCaptureFixture) -> None:
    tally = SampleTally()
    for _ in range(20):
        tally.add(earned(1.0, 1.0, 0.0, 0.0), [True] * 4, group=2)
    (line,) = told(tally, caplog)
    assert "after 20 updates 100 % of the groups" in line
    assert "mean reward 0.50" in line


def test_a_reward_that_differs_within_groups_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    tally = SampleTally()
    tally.add(earned(1.0, 0.0, 0.0, 0.0), [True] * 4, group=2)
    assert told(tally, caplog) == []
    assert tally.share("constant", "groups") == 0.5


def test_samples_that_never_end_are_told_with_their_share(caplog: pytest.LogCaptureFixture) -> None:
    tally = SampleTally()
    tally.add(earned(1.0, 0.0, 0.0, 0.0), [True, False, False, False], group=4)
    (line,) = told(tally, caplog)
    assert "75 % of the samples do not end" in line


def test_a_start_of_whose_samples_none_can_be_read_is_no_decomposer() -> None:
    with pytest.raises(UserError, match="none of the first 2 samples holds sub-questions"):
        SampleTally().add(earned(0.0, 0.0, readable=False), [True, True], group=2)


def test_equal_sets_are_one_call_and_a_resumed_run_counts_on() -> None:
    tally = SampleTally()
    same = Earned({"solver": 1.0}, True, ("p", "How many?"))
    tally.add([same, same, Earned({"solver": 0.0}, False)], [True] * 3, group=3)
    resumed = SampleTally(**tally.state()["args"])
    resumed.add([same], [True], group=1)
    assert (resumed.counts["samples"], resumed.counts["readable"], resumed.counts["calls"]) == (4, 3, 2)
