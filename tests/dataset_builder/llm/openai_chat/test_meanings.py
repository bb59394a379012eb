"""One table says what an endpoint's answer means: the row's refusal, the account, the key, the model, a pause."""

from __future__ import annotations

from typing import Any

import pytest

from dataset_builder.llm.openai_chat.meanings import error_inside, fault_of, read_error

FLAGGED = {"code": 403, "message": "Your input was flagged", "metadata": {"reasons": ["violence"]}}
CASES: list[tuple[int, Any, str, str]] = [
    # F6: one row is refused, the key is fine
    (403, {"error": FLAGGED}, "record", "moderation"),
    (403, {"error": {"message": "x requires moderation", "metadata": {"flagged_input": "a"}}}, "record", "moderation"),
    (400, {"error": {"code": "content_filter", "message": "filtered"}}, "record", "moderation"),
    (400, {"error": {"message": "no", "innererror": {"content_filter_result": {"hate": 1}}}}, "record", "moderation"),
    (403, {"error": {"message": "forbidden"}}, "stop", "auth"),
    (403, {"error": {"code": "unsupported_country_region_territory", "message": "no"}}, "stop", "auth"),
    (401, {"error": {"message": "wrong key"}}, "stop", "auth"),
    (400, {"error": {"message": "API key not valid. Please pass a valid API key."}}, "stop", "auth"),
    # F7: the account must be mended
    (400, {"error": {"code": "billing_hard_limit_reached", "message": "limit"}}, "stop", "quota"),
    (429, {"error": {"type": "insufficient_quota", "code": None, "message": "quota"}}, "stop", "quota"),
    (402, "Payment Required", "stop", "quota"),
    (400, {"error": {"type": "budget_exceeded", "message": "Budget has been exceeded! Max: 1"}}, "stop", "quota"),
    (400, {"error": {"message": "Your credit balance is too low to access the API."}}, "stop", "quota"),
    (403, {"error": {"message": "Key limit exceeded (monthly limit)", "code": 403}}, "stop", "quota"),
    (429, {"error": {"code": "billing_not_active", "message": "not active"}}, "stop", "quota"),
    (401, {"error": {"code": "account_deactivated", "message": "gone"}}, "stop", "quota"),
    (429, {"error": {"message": "Rate limit reached for requests per minute"}}, "wait", "rate_limit"),
    (429, [{"error": {"message": "You exceeded your current quota, retry in 36s"}}], "wait", "rate_limit"),
    # F8: the model or the address is wrong
    (405, None, "stop", "not_found"),
    (404, {"detail": "Not Found"}, "stop", "not_found"),
    (400, {"error": {"message": "The model `m` does not exist", "code": None}}, "stop", "not_found"),
    (400, {"error": {"message": "m is not a valid model ID"}}, "stop", "not_found"),
    # one row's own
    (400, {"error": {"code": "context_length_exceeded", "message": "too long"}}, "record", "bad_request"),
    (413, "Request Entity Too Large", "record", "bad_request"),
    (422, {"detail": [{"loc": ["body", "messages"], "msg": "Input should be a list"}]}, "record", "bad_request"),
    # what heals
    (500, "oops", "retry", "server"),
    (529, {"error": {"type": "overloaded_error"}}, "retry", "server"),
    (409, {"error": {"message": "conflict"}}, "retry", "server"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "action", "kind"), CASES, ids=lambda value: str(value)[:60])
def test_a_refusal_means_what_its_status_code_type_and_message_say(
    status: int, body: Any, action: str, kind: str
) -> None:
    fault = fault_of(read_error(status, body))
    assert (fault.action, fault.kind) == (action, kind)
    assert str(status) in fault.detail


@pytest.mark.parametrize(
    ("body", "action", "kind"),
    [
        ({"error": {"code": 402, "message": "no credit"}}, "stop", "quota"),
        ({"error": {"code": "429", "message": "slow"}, "choices": []}, "wait", "rate_limit"),
        ({"choices": [{"error": {"code": 502, "message": "down"}, "finish_reason": "error"}]}, "retry", "server"),
        ({"error": {"code": "insufficient_quota", "message": "pay"}}, "stop", "quota"),
        ({"error": {"code": 403, "message": "no", "metadata": {"reasons": ["hate"]}}}, "record", "moderation"),
        ({"object": "error", "code": 404, "message": "no such model"}, "stop", "not_found"),
        ({"error": "something"}, "retry", "bad_reply"),
    ],
    ids=str,
)
def test_an_error_inside_a_200_is_read_by_the_same_table(body: Any, action: str, kind: str) -> None:
    error = error_inside(body)
    assert error is not None
    fault = fault_of(error)
    assert (fault.action, fault.kind) == (action, kind)


def test_a_completion_holds_no_error() -> None:
    assert error_inside({"choices": [{"message": {"content": "error: 402"}}], "error": None}) is None


@pytest.mark.parametrize("body", [None, "", [], {}, {"error": None}, {"error": []}, 7, {"error": {"message": {}}}])
def test_no_form_of_a_refusal_makes_the_reader_raise(body: Any) -> None:
    assert fault_of(read_error(400, body)).action == "record"
