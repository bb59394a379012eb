"""A refusal is its row's own only where something else was answered."""

from __future__ import annotations

from dataset_builder.llm.refusals import HANDFUL, Refusals
from dataset_builder.llm.request import Request
from dataset_builder.llm.retry import Fault


def request(index: int, task: str = "answer") -> Request:
    return Request(task, "m", ({"role": "user", "content": str(index)},))


def fault(text: str = "HTTP 400: no", kind: str = "bad_request") -> Fault:
    return Fault(kind, text, "record")


def test_a_handful_of_equal_refusals_without_an_answer_is_the_commands_fault() -> None:
    refusals = Refusals()
    for index in range(HANDFUL):
        assert refusals.of_every_row() is None
        assert refusals.hold(request(index), fault(f"HTTP 400: row {index} of 'file {index}'"))
    assert refusals.of_every_row() == fault("HTTP 400: row 0 of 'file 0'")


def test_what_was_held_is_recorded_as_soon_as_its_like_is_answered() -> None:
    refusals = Refusals()
    refusals.hold(request(1), fault())
    assert refusals.answered(request(2, "decompose")) == []
    assert refusals.answered(request(2)) == [(request(1), fault())]
    assert not refusals.hold(request(3), fault())


def test_at_the_end_rows_of_a_kind_that_was_answered_before_are_recorded_and_others_name_their_refusal() -> None:
    refusals = Refusals([("answer", "m")])
    refusals.hold(request(1), fault("HTTP 400: one"))
    refusals.hold(request(1, "decompose"), fault("HTTP 400: two"))
    assert refusals.end() == ([(request(1), fault("HTTP 400: one"))], fault("HTTP 400: two"))


def test_a_moderated_row_is_never_held() -> None:
    assert not Refusals().hold(request(1), fault(kind="moderation"))
