"""Whether the Hub can be asked is known soon, whatever it does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from dataset_builder.hub.connection import hub_or_cache, out_of_reach
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


@pytest.fixture
def nothing_asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a new process; what the answer sets is taken back."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    hub_or_cache.cache_clear()
    yield
    hub_or_cache.cache_clear()


@pytest.mark.usefixtures("nothing_asked")
def test_a_hub_out_of_reach_sets_the_libraries_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "refused" in str(hub_or_cache())
    assert constants.is_offline_mode()
    assert os.environ["HF_HUB_OFFLINE"] == "1"


@pytest.mark.usefixtures("nothing_asked")
def test_a_hub_within_reach_leaves_them_online(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeHub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        assert hub_or_cache() is None
        assert not constants.is_offline_mode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["recipes.decompose", "--checkpoint", "no/such", "--problem", "Ann has 3 pens."], "cannot load no/such: "),
        (["recipes.train", "--recipe", "tiny/bc_full", "--dataset", "no/such"], "neither a folder no/such nor "),
    ],
)
def test_what_is_neither_here_nor_reachable_is_one_line_and_no_retries(
    words: list[str], line: str, tmp_path: Path
) -> None:
    env = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
    env |= {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-m", *words], env=env, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {line}")
    assert "the Hub cannot be asked" in done.stderr
    assert done.stderr.count("\n") == 1
