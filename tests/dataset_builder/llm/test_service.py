"""The manners of the text service, against a loopback server that misbehaves."""

from __future__ import annotations

import dataclasses
import signal
from collections import Counter
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.openai_chat.address import api_key, resolve_base_urls
from dataset_builder.llm.openai_chat.wire import read_completion, wire_body
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import Fault
from dataset_builder.llm.run import run_requests
from dataset_builder.llm.settings import ServiceSettings
from tests.support.fake_openai import completion, events, serving

QUICK = ServiceSettings(backoff_s=0.01, progress=False, max_in_flight=8, timeout_s=20.0)


def requests(count: int, task: str = "answer") -> list[Request]:
    return [
        Request(
            task,
            "test-model",
            ({"role": "user", "content": f"Problem: {i}\n\nAnswers:"},),
            {"max_tokens": 64},
            f"p{i}",
        )
        for i in range(count)
    ]


def ask(url: str, folder: Path, asked: list[Request], **changes: object) -> dict[str, Response]:
    settings = dataclasses.replace(QUICK, base_urls=(url,), **changes)
    return run_requests(asked, settings, folder / "journal.sqlite", label="test")


def test_every_request_is_answered_once_and_a_second_run_asks_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(log=str(log)) as url:
        first = ask(url, tmp_path, requests(30) * 2)
        second = ask(url, tmp_path, requests(30))
    assert set(first) == {request.key for request in requests(30)}
    assert first == second
    assert sorted(events(log, "asked")) == sorted(first)


def test_signals_do_afterwards_what_they_did_before(tmp_path: Path) -> None:
    """A training run that asks between two updates saves a checkpoint at either."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        its_own = {number: signal.getsignal(number) for number in before}
        with serving() as url:
            ask(url, tmp_path, requests(2))
        assert {number: signal.getsignal(number) for number in before} == its_own
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("fault", ["429", "500", "503", "half", "not_json", "wrong_json", "drop"])
def test_what_can_heal_is_tried_again(tmp_path: Path, fault: str) -> None:
    with serving(script=[fault] * 4, retry_after_s=0.01) as url:
        assert all(response.ok for response in ask(url, tmp_path, requests(3)).values())


def test_a_hanging_request_is_given_up_and_tried_again(tmp_path: Path) -> None:
    with serving(script=["hang"]) as url:
        (response,) = ask(url, tmp_path, requests(1), timeout_s=0.5).values()
    assert response.ok


def test_a_row_that_keeps_failing_is_recorded_and_the_run_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(faults={"500": 1.0}, log=str(log)) as url:
        responses = ask(url, tmp_path, requests(2), max_attempts=3)
    assert [response.error_kind for response in responses.values()] == ["server", "server"]
    assert set(Counter(events(log, "asked")).values()) == {3}
    with serving() as url:  # a new run gives it a new chance
        assert all(response.ok for response in ask(url, tmp_path, requests(2)).values())


@pytest.mark.parametrize("kind", ["length", "content_filter", "empty"])
def test_what_cannot_heal_is_asked_once_until_told_otherwise(tmp_path: Path, kind: str) -> None:
    log = tmp_path / "log"
    with serving(faults={kind: 1.0}, log=str(log)) as url:
        first = ask(url, tmp_path, requests(2))
        ask(url, tmp_path, requests(2))
    assert {response.error_kind for response in first.values()} == {kind}
    assert len(events(log, "asked")) == 2
    with serving() as url:
        assert all(item.ok for item in ask(url, tmp_path, requests(2), retry_failed=True).values())


def test_a_cut_reply_keeps_its_text_and_its_cost(tmp_path: Path) -> None:
    with serving(faults={"length": 1.0}) as url:
        (response,) = ask(url, tmp_path, requests(1), price_input=1.0, price_output=1.0).values()
    assert response.text == "Q1: What is st"
    assert response.cost_usd == pytest.approx(120e-6)


@pytest.mark.parametrize(
    ("fault", "advice"),
    [("401", "OPENAI_API_KEY"), ("403", "OPENAI_API_KEY"), ("404", "--model"), ("quota", "quota is used up")],
)
def test_a_refusal_that_all_would_meet_stops_the_run_at_once(tmp_path: Path, fault: str, advice: str) -> None:
    log = tmp_path / "log"
    with serving(faults={fault: 1.0}, log=str(log)) as url, pytest.raises(UserError, match=advice):
        ask(url, tmp_path, requests(500))
    assert len(events(log, "asked")) <= QUICK.max_in_flight


def test_what_was_answered_before_a_stop_is_kept(tmp_path: Path) -> None:
    with serving(script=[""] * 20 + ["401"] * 100) as url, pytest.raises(UserError):
        ask(url, tmp_path, requests(60))
    with Journal(tmp_path, read_only=True) as journal:
        assert len(journal) == 20


def test_an_endpoint_that_is_down_stops_the_run_and_fails_no_row(tmp_path: Path) -> None:
    with serving(script=[""] * 10 + ["drop"] * 10_000) as url, pytest.raises(UserError, match="has been down for"):
        ask(url, tmp_path, requests(60), max_attempts=100, give_up_after_s=1.0)
    with Journal(tmp_path, read_only=True) as journal:
        assert [response.ok for response in journal.responses()] == [True] * 10


def test_nobody_there_is_one_line_and_sends_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nobody answers at http://127\.0\.0\.1:9/v1"):
        ask("http://127.0.0.1:9/v1", tmp_path, requests(3))


def test_several_endpoints_share_the_load_and_a_dead_one_is_left_out(tmp_path: Path) -> None:
    logs = [tmp_path / "a", tmp_path / "b"]
    with serving(log=str(logs[0]), latency_s=0.02) as item, serving(log=str(logs[1]), latency_s=0.02) as two:
        settings = dataclasses.replace(QUICK, base_urls=(item, "http://127.0.0.1:9/v1", two))
        responses = run_requests(requests(80), settings, tmp_path / "journal.sqlite", label="test")
    assert all(response.ok for response in responses.values())
    shares = [len(events(log)) for log in logs]
    assert sum(shares) == 80
    assert min(shares) >= 20


def test_the_cost_cap_holds_with_256_in_flight(tmp_path: Path) -> None:
    log, cap = tmp_path / "log", 0.5
    with serving(log=str(log), usage=[20, 64], latency_s=0.02, faults={"half": 0.1, "drop": 0.1}) as url:
        with pytest.raises(UserError, match="the cost cap is reached"):
            ask(
                url, tmp_path, requests(3000), max_in_flight=256, max_cost_usd=cap, price_input=10.0, price_output=20.0
            )
        with pytest.raises(UserError, match="the cost cap is reached"):
            ask(
                url, tmp_path, requests(3000), max_in_flight=256, max_cost_usd=cap, price_input=10.0, price_output=20.0
            )
    cost_of_one = 20 * 10e-6 + 64 * 20e-6
    billed = (len(events(log)) + len(events(log, "torn"))) * cost_of_one
    assert cap * 0.5 < billed <= cap
    with Journal(tmp_path, read_only=True) as journal:
        assert sum(row.cost_usd for row in journal.totals()) <= cap


def test_a_cap_without_a_price_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    settings = dataclasses.replace(QUICK, base_urls=("http://192.0.2.1/v1",), max_cost_usd=1.0)
    with pytest.raises(UserError, match="needs the price of test-model"):
        run_requests(requests(1), settings, tmp_path / "j", label="test")


def test_offline_returns_what_the_journal_holds_and_sends_nothing(tmp_path: Path) -> None:
    with serving() as url:
        ask(url, tmp_path, requests(3))
    held = ask("http://127.0.0.1:9/v1", tmp_path, requests(5), offline=True)
    assert set(held) == {request.key for request in requests(3)}


def test_openai_needs_a_key_and_says_which_variable() -> None:
    with pytest.raises(
        UserError, match="OPENAI_API_KEY is not set; export it, or name your own server with --base_url"
    ):
        api_key(resolve_base_urls([], {}), {})
    assert api_key(["http://127.0.0.1:8000/v1"], {})
    assert api_key(resolve_base_urls([], {}), {"OPENAI_API_KEY": "k"}) == "k"


def test_endpoints_come_from_the_command_line_else_from_the_environment() -> None:
    environment = {"OPENAI_BASE_URL": "http://a/v1/, http://b/v1"}
    assert resolve_base_urls([], environment) == ["http://a/v1", "http://b/v1"]
    assert resolve_base_urls(["http://c/v1"], environment) == ["http://c/v1"]
    with pytest.raises(UserError, match="must be a URL"):
        resolve_base_urls(["localhost:8000"], {})


@pytest.mark.parametrize(("urls", "said"), [((), "OPENAI_API_KEY is not set"), (("localhost",), "must be a URL")])
def test_a_service_names_its_address_as_its_own_program_does(
    urls: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = ServiceSettings(urls, flag_prefix="solver_", progress=False)
    with pytest.raises(UserError, match=said) as error:
        run_requests(requests(1), settings, tmp_path / "j", label="test")
    assert "--solver_base_url" in str(error.value)


def test_the_wire_body_leaves_out_what_is_none_and_names_the_limit_as_the_model_wants_it() -> None:
    request = Request("answer", "o3-mini", (), {"temperature": None, "max_tokens": 5})
    assert wire_body(request) == {"model": "o3-mini", "messages": [], "max_completion_tokens": 5}
    assert wire_body(dataclasses.replace(request, model="gpt-4o"))["max_tokens"] == 5


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (completion("fine", "m", [1, 1]), None),
        ({**completion("fine", "m", [1, 1]), "usage": None}, None),
        (completion("", "m", [1, 1]), "empty"),
        (completion("cut", "m", [1, 1], "length"), "length"),
        (completion("", "m", [1, 1], "content_filter"), "content_filter"),
        ({"choices": []}, "bad_reply"),
        ({"error": "x"}, "bad_reply"),
        ("<html>", "bad_reply"),
        (None, "bad_reply"),
        ([], "bad_reply"),
    ],
)
def test_replies_are_read_or_their_failure_is_named(body: object, kind: str | None) -> None:
    outcome = read_completion(requests(1)[0], body, 0.1)
    assert (outcome.kind if isinstance(outcome, Fault) else outcome.error_kind) == kind
