"""A prompt too long for the model keeps its end."""

from __future__ import annotations

from recipes.models.policy import keep_end


def test_prompt_longer_than_the_positions_keeps_its_end() -> None:
    assert keep_end(list(range(32)), 32, 10) == list(range(10, 32))


def test_prompt_that_fits_with_its_reply_stays_whole() -> None:
    assert keep_end(list(range(22)), 32, 10) == list(range(22))
