"""A few problems whose answers are known by heart."""

from __future__ import annotations

import pytest

from dataset_builder.schema import Problem


@pytest.fixture
def problems() -> list[Problem]:
    return [
        Problem(
            "t-0", "Ann has 3 pens and buys 2. How many?", "5", "t", "test", reference_sub_questions=("How many?",)
        ),
        Problem(
            "t-1", "Ben eats 4 of 9 figs. How many are left?", "5", "t", "test", reference_sub_questions=("Left?",)
        ),
        Problem(
            "t-2", "A pair of socks costs 1,000. Two pairs?", "2000", "t", "test", reference_sub_questions=("Cost?",)
        ),
    ]
