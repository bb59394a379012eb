"""What a user is told of many replies of an endpoint: what was taken off them, and that many hold nothing."""

from __future__ import annotations

import pytest

from dataset_builder.llm.request import Request, Response
from dataset_builder.solving.endpoint import told_of_replies

REQUEST = Request("answer", "m", ({"role": "user", "content": "How many?"},))


def replies(full: int, empty: int) -> list[Response]:
    """So many replies with a text and so many without."""
    nothing = Response(REQUEST, "", "stop", error_kind="empty")
    return [Response(REQUEST, "Final answer: 3", "stop")] * full + [nothing] * empty


@pytest.mark.parametrize(("full", "empty"), [(9, 1), (0, 1), (50, 50)])
def test_many_replies_without_a_text_are_told_with_the_way_out(full: int, empty: int) -> None:
    (line,) = told_of_replies(replies(full, empty))
    assert line.startswith(f"{empty} of {full + empty} replies hold no text")
    assert "--leave_out stop" in line


@pytest.mark.parametrize(("full", "empty"), [(1, 0), (10, 1), (100, 9)])
def test_a_few_replies_without_a_text_are_no_news(full: int, empty: int) -> None:
    assert told_of_replies(replies(full, empty)) == []


def test_reasoning_that_was_taken_off_is_told() -> None:
    (line,) = told_of_replies([Response(REQUEST, "<think>2 + 1</think>Final answer: 3", "stop")])
    assert "reasoning" in line
