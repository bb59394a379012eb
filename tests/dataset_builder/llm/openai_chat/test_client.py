"""The client against servers as they are in the world: odd bodies, redirects, refusals, keys."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.openai_chat.address import api_key
from dataset_builder.llm.refusals import HANDFUL
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.run import run_requests
from dataset_builder.llm.settings import ServiceSettings
from tests.support.fake_openai import completion, events, serving

QUICK = ServiceSettings(backoff_s=0.01, progress=False, max_in_flight=4, timeout_s=20.0)
DECODING = {"temperature": 0.0, "max_tokens": 64, "stop": ["\nQ:"]}


def requests(count: int, text: str = "Problem") -> list[Request]:
    return [
        Request("answer", "test-model", ({"role": "user", "content": f"{text} {i}\n\nAnswers:"},), DECODING, f"p{i}")
        for i in range(count)
    ]


def ask(url: str, folder: Path, asked: list[Request], **changes: Any) -> list[Response]:
    settings = dataclasses.replace(QUICK, base_urls=(url,), **changes)
    answered = run_requests(asked, settings, folder / "journal.sqlite", label="test")
    return [answered[request.key] for request in asked]


def good(content: Any = "Final answer: 6", **message: Any) -> dict[str, Any]:
    body = completion("", "test-model", [3, 4])
    body["choices"][0]["message"] |= {"content": content, **message}
    return body


@pytest.mark.parametrize("kind", ["text/plain", "text/html; charset=utf-8", "application/octet-stream"])
def test_a_right_body_is_read_under_any_content_type(tmp_path: Path, kind: str) -> None:
    with serving(always={"body": good(), "headers": {"Content-Type": kind}}) as url:
        (reply,) = ask(url, tmp_path, requests(1), max_attempts=1)
    assert reply.text == "Final answer: 6"


@pytest.mark.parametrize("content", [[{"type": "text", "text": "Final answer: "}, {"type": "text", "text": "6"}]])
def test_content_parts_are_joined_and_odd_content_costs_its_own_row(tmp_path: Path, content: Any) -> None:
    script = [{"body": good(content)}, {"body": good({"odd": 1})}, {"body": good([7])}]
    with serving(script=script) as url:
        replies = ask(url, tmp_path, requests(3), max_attempts=1, max_in_flight=1)
    assert [(one.text, one.error_kind) for one in replies] == [
        ("Final answer: 6", None), (None, "bad_reply"), (None, "bad_reply"),
    ]  # fmt: skip


def test_an_unpaired_surrogate_stops_no_run(tmp_path: Path) -> None:
    asked = requests(2) + requests(1, "pens \ud83d ?")
    with serving(always={"text": json.dumps(good("pens \ud83d ?"))}) as url:
        first = ask(url, tmp_path, asked)
        assert ask(url, tmp_path, asked) == first
    assert [one.text for one in first] == ["pens \ufffd ?"] * 3


def test_a_refused_row_is_refused_alone(tmp_path: Path) -> None:
    flagged = {"error": {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"]}}}
    log = tmp_path / "log"
    with serving(script=["", "", {"status": 403, "body": flagged}], log=str(log)) as url:
        replies = ask(url, tmp_path, requests(6), max_in_flight=1)
        ask(url, tmp_path, requests(6), max_in_flight=1)
    assert [one.error_kind for one in replies] == [None, None, "moderation", None, None, None]
    assert len(events(log, "asked")) == 6


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": "billing_hard_limit_reached", "message": "Billing hard limit has been reached"}),
        (429, {"type": "insufficient_quota", "code": None, "message": "You exceeded your quota"}),
        (200, {"code": 402, "message": "Insufficient credits"}),
    ],
)
def test_an_account_that_must_be_mended_burns_nothing_and_the_same_command_goes_on(
    tmp_path: Path, status: int, error: dict[str, Any]
) -> None:
    log = tmp_path / "log"
    with (
        serving(always={"status": status, "body": {"error": error}}, log=str(log)) as url,
        pytest.raises(UserError, match="add credit and run the same command again"),
    ):
        ask(url, tmp_path, requests(40))
    assert len(events(log, "asked")) <= QUICK.max_in_flight
    with serving() as url:
        assert all(one.ok for one in ask(url, tmp_path, requests(40)))


@pytest.mark.parametrize(
    ("status", "message"),
    [(400, "temperature must be at most 2"), (422, "prompt 17 is no good"), (418, "I am a teapot")],
)
def test_where_every_request_is_refused_the_run_stops_and_no_row_is_given_up(
    tmp_path: Path, status: int, message: str
) -> None:
    log = tmp_path / "log"
    refusal = {"status": status, "body": {"error": {"message": message}}}
    with serving(always=refusal, log=str(log)) as url:
        for count, said in ((400, f"refuses every request .HTTP {status}: {message}"), (2, "no row was given up")):
            with pytest.raises(UserError, match=said):
                ask(url, tmp_path, requests(count))
    assert len(events(log, "asked")) <= HANDFUL + QUICK.max_in_flight + 2
    with serving() as url:
        assert all(one.ok for one in ask(url, tmp_path, requests(400)))


@pytest.mark.parametrize("status", [404, 405, 410])
def test_a_wrong_address_stops_at_once(tmp_path: Path, status: int) -> None:
    with (
        serving(always={"status": status, "text": "<html>nothing here</html>"}) as url,
        pytest.raises(UserError, match="check --model and --base_url"),
    ):
        ask(url, tmp_path, requests(40))


def test_a_row_that_is_refused_among_answered_ones_is_recorded_and_not_asked_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(script=["400", "", "400"], log=str(log)) as url:
        replies = ask(url, tmp_path, requests(5), max_in_flight=1)
        ask(url, tmp_path, requests(5))
    assert [one.error_kind for one in replies] == ["bad_request", None, "bad_request", None, None]
    assert len(events(log, "asked")) == 5


@pytest.mark.parametrize("refuses", [["max_tokens"], ["temperature", "stop"], ["max_tokens", "temperature", "stop"]])
def test_a_refused_parameter_is_mended_once_said_and_recorded(
    tmp_path: Path, refuses: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    with serving(refuses=refuses, log=str(log)) as url:
        assert all(one.ok for one in ask(url, tmp_path, requests(30), max_attempts=1))
        first = len(events(log, "refused"))
        assert all(one.ok for one in ask(url, tmp_path, requests(40), max_attempts=1))
    assert first <= len(refuses) * QUICK.max_in_flight
    assert len(events(log, "refused")) == first, "a resumed run knows"
    told = capsys.readouterr().err
    assert all(told.count(f"refuses {name}:") == 1 for name in refuses)
    with Journal(tmp_path, read_only=True) as journal:
        assert set(json.loads(journal.note("parameters") or "")["test-model"]) == set(refuses)


def test_parameters_are_renamed_and_left_out_as_the_user_says(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(refuses=["max_tokens", "temperature", "stop"], log=str(log)) as url:
        named = {"rename_parameters": ["max_tokens=max_completion_tokens"], "leave_out": ["temperature", "stop"]}
        assert all(one.ok for one in ask(url, tmp_path, requests(5), **named))
    assert events(log, "refused") == []


@pytest.mark.parametrize("headers", [{"Retry-After": "86400"}, {"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}])
@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_of_hours_ends_the_run_at_once(tmp_path: Path, status: int, headers: dict[str, str]) -> None:
    body = {"error": {"message": "slow down"}}
    started = time.monotonic()
    with (
        serving(script=["", {"status": status, "body": body, "headers": headers}]) as url,
        pytest.raises(UserError, match=r"asks to wait .* h .*run the same command again then"),
    ):
        ask(url, tmp_path, requests(6), max_in_flight=1)
    assert time.monotonic() - started < 10
    with serving() as url:
        assert all(one.ok for one in ask(url, tmp_path, requests(6)))


def test_a_wait_of_some_seconds_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limited = {"status": 429, "body": {"error": {"message": "slow down"}}, "headers": {"Retry-After": "11"}}
    with serving(script=[limited]) as url:
        ask(url, tmp_path, requests(1))
    assert "asks to wait 11 s (HTTP 429: slow down)" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["\u201csk-abc\u201d", "sk abc", '"sk-abc"', "sk-\u200babc", "sk-\u00e4bc"])
def test_a_key_with_quotes_or_blanks_is_one_line(key: str) -> None:
    with pytest.raises(UserError, match="OPENAI_API_KEY holds"):
        api_key(["http://127.0.0.1:1/v1"], {"OPENAI_API_KEY": key})


def test_a_key_with_a_line_end_is_taken_without_it() -> None:
    assert api_key([], {"OPENAI_API_KEY": "sk-abc\n"}) == "sk-abc"


def test_a_moved_address_is_followed_as_a_post(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(log=str(log)) as url:
        replies = ask(url.replace("/v1", "/old/v1"), tmp_path, requests(5))
    assert all(one.ok for one in replies)
    assert len(events(log, "asked")) == 5


@pytest.mark.parametrize("status", [301, 302, 303, 308])
def test_an_address_that_moved_to_another_host_is_named(tmp_path: Path, status: int) -> None:
    there = {"Location": "https://elsewhere.example/v1/chat/completions"}
    with (
        serving(always={"status": status, "headers": there, "text": ""}) as url,
        pytest.raises(UserError, match=r"--base_url https://elsewhere\.example/v1"),
    ):
        ask(url, tmp_path, requests(3))


@pytest.mark.parametrize("in_environment", [True, False])
def test_a_proxy_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_environment: bool
) -> None:
    log = tmp_path / "log"
    with serving(log=str(log)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.removesuffix("/v1"))
        monkeypatch.setenv("no_proxy", "" if in_environment else "192.0.2.1")
        if in_environment:
            assert all(one.ok for one in ask("http://192.0.2.1/v1", tmp_path, requests(2)))
            assert len(events(log, "asked")) == 2
        else:
            monkeypatch.setattr("dataset_builder.llm.openai_chat.client.PROBE_S", 0.2)
            with pytest.raises(UserError, match="nobody answers"):
                ask("http://192.0.2.1/v1", tmp_path, requests(2))


def test_another_model_under_the_same_name_is_refused_unless_told_otherwise(tmp_path: Path) -> None:
    with serving(root="yesterday's") as url:
        ask(url, tmp_path, requests(3))
        ask(url, tmp_path, requests(4))
    with serving(root="today's") as url:
        for count in (4, 6):  # also where nothing is left to ask
            with pytest.raises(UserError, match="--other_endpoint true if it is the same model"):
                ask(url, tmp_path, requests(count))
        assert all(one.ok for one in ask(url, tmp_path, requests(6), other_endpoint=True))
        ask(url, tmp_path, requests(7))


@pytest.mark.parametrize("root", ["", "the same weights"])
def test_the_same_weights_at_another_address_are_the_same_model(tmp_path: Path, root: str) -> None:
    with serving(root=root) as url:
        ask(url, tmp_path, requests(3))
    with serving(root=root) as url:
        if root:
            ask(url, tmp_path, requests(4))
        else:
            with pytest.raises(UserError, match="this folder's replies came from"):
                ask(url, tmp_path, requests(4))
