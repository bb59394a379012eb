"""Which failures can heal."""

from __future__ import annotations

import pytest

from dataset_builder.llm.openai_chat.meanings import fault_of_status
from dataset_builder.llm.retry import LONGEST_BACKOFF_S, backoff_s, retry_after


@pytest.mark.parametrize(
    ("status", "code", "action", "kind"),
    [
        (429, None, "wait", "rate_limit"),
        (429, "insufficient_quota", "stop", "quota"),
        (500, None, "retry", "server"),
        (502, None, "retry", "server"),
        (529, None, "retry", "server"),
        (408, None, "retry", "server"),
        (409, None, "retry", "server"),
        (400, None, "record", "bad_request"),
        (413, None, "record", "bad_request"),
        (422, None, "record", "bad_request"),
        (401, None, "stop", "auth"),
        (403, None, "stop", "auth"),
        (404, None, "stop", "not_found"),
        (402, None, "stop", "quota"),
    ],
)
def test_status_decides_between_again_recorded_and_stop(status: int, code: str | None, action: str, kind: str) -> None:
    fault = fault_of_status(status, "why", code, {})
    assert (fault.action, fault.kind) == (action, kind)
    assert str(status) in fault.detail


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0.0),
        ({"retry-after": "-4"}, 0.0),
        ({"retry-after": "99999"}, 99999.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "later"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=60.0) == seconds


def test_pauses_double_up_to_a_minute_and_are_spread() -> None:
    pauses = [[backoff_s(attempt, 1.0) for _ in range(50)] for attempt in range(12)]
    for attempt, drawn in enumerate(pauses):
        longest = min(LONGEST_BACKOFF_S, 2.0**attempt)
        assert all(longest / 2 <= pause <= longest for pause in drawn)
        assert len(set(drawn)) > 1
