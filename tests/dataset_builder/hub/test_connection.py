"""Whether the Hub can be asked is known soon, whatever it does."""

from __future__ import annotations

import socket
import time
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from dataset_builder.hub.connection import out_of_reach
from tests.support.fake_hub import FakeHub


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def test_a_hub_that_answers_anything_is_within_reach() -> None:
    with FakeHub() as hub:
        assert out_of_reach(SimpleNamespace(endpoint=hub.url)) is None


def test_a_hub_that_never_answers_is_given_up_after_the_time_set() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        reason = out_of_reach(SimpleNamespace(endpoint=address), within_s=0.2)
        assert reason is not None
        assert time.monotonic() - started < 5


def test_the_reason_says_what_failed() -> None:
    assert "refused" in str(out_of_reach(SimpleNamespace(endpoint="http://127.0.0.1:9")))


def test_offline_mode_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert out_of_reach(SimpleNamespace(endpoint="http://127.0.0.1:9")) == "HF_HUB_OFFLINE is set"
