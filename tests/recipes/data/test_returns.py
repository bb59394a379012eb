"""Returns: rewards that make no sense stop the run, and a draw follows the odds that the temperature sets."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from recipes.data.returns import check_trajectories, resample_rows, set_returns, sound_trajectories

COLUMNS: dict[str, list[Any]] = {
    "prompt": ["Ana has 3 pens.\n"],
    "steps": [["How many pens does Ana have?", "How many pens does Ben have?"]],
    "step_rewards": [[1.0, 0.25]],
    "final_reward": [1.0],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step_rewards": [[]]}, "lacks a reward"),
        ({"step_rewards": [[1.0, None]]}, "lacks a reward"),
        ({"final_reward": [None]}, "lacks a reward"),
        ({"step_rewards": [[1.0]]}, "2 sub-questions and 1 step rewards"),
        ({"step_rewards": [[1.0, 7.0]]}, "outside"),
        ({"final_reward": [float("nan")]}, "outside"),
        ({"steps": [[]]}, "no sub-question"),
    ],
)
def test_rewards_that_do_not_fit_stop_the_run(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_trajectories(COLUMNS | change)


def test_good_sets_are_drawn_more_often_by_the_odds_that_the_temperature_sets() -> None:
    rows = [{"input_ids": [0], "rewards": [0.0]}, {"input_ids": [1], "rewards": [1.0]}] * 2000
    drawn = resample_rows(rows, [0.0, math.log(3)] * 2000, 1.0, seed=0)
    assert len(drawn) == len(rows)
    assert sum(row["input_ids"] == [1] for row in drawn) / len(drawn) == pytest.approx(0.75, abs=0.03)


def test_a_draw_is_the_seeds_and_none_at_temperature_zero() -> None:
    rows = [{"input_ids": [k], "rewards": [0.0]} for k in range(50)]
    returns = [float(k) for k in range(50)]
    assert resample_rows(rows, returns, 5.0, 1) == resample_rows(rows, returns, 5.0, 1)
    assert resample_rows(rows, returns, 5.0, 1) != resample_rows(rows, returns, 5.0, 2)
    assert resample_rows(rows, returns, 0.0, 1) == rows


def test_a_sets_return_does_not_grow_with_its_length() -> None:
    columns = {"final_reward": [1.0, 1.0], "step_rewards": [[0.5], [0.5] * 4]}
    assert set_returns(columns) == [1.5, 1.5]
    assert set_returns(columns, sparse=True) == [1.0, 1.0]


def test_return_is_correctness_plus_mean_usefulness() -> None:
    columns = {"final_reward": [1.0, 0.0], "step_rewards": [[1.0, 0.5], [0.0]]}
    assert set_returns(columns) == [1.75, 0.0]


def test_validation_rows_without_a_reward_are_left_out() -> None:
    columns = {name: values * 2 for name, values in COLUMNS.items()} | {"final_reward": [None, 1.0]}
    assert sound_trajectories(columns) == COLUMNS
