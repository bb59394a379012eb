"""A collection links what is on the Hub, once, and gets only what it lacks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from model_cards.hub_collection import parse_item
from tests.support.fake_hub import PR_TOKEN, TOKEN, FakeHub
from tests.support.fake_repo import Repo

ROOT = Path(__file__).parents[2]
ITEMS = ("dataset:org/gsm8k-ai-subq", "model:org/subq", "space:org/subq_accuracy")

pytestmark = pytest.mark.slow


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        for item in ITEMS:
            kind, _, name = item.partition(":")
            hub.repos[kind, name] = Repo()
        yield hub


def collect(hub: FakeHub, folder: Path, *argv: str, token: str | None = TOKEN) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "model_cards.collection", "--namespace", "org", *argv]
    return subprocess.run(command, cwd=ROOT, env=hub.client_env(folder, token), capture_output=True, text=True)


def test_collection_is_made_once_completed_later_and_read_back(hub: FakeHub, tmp_path: Path) -> None:
    shown = collect(hub, tmp_path, "--items", *ITEMS[:2])
    assert "collection org/GSM8K-AI-SubQ: new, private" in shown.stdout
    assert "+ dataset org/gsm8k-ai-subq" in shown.stdout
    assert hub.collections == {}
    done = collect(hub, tmp_path, "--items", *ITEMS[:2], "--yes")
    assert done.returncode == 0, done.stderr
    assert "4 items; read back" in done.stdout
    again = collect(hub, tmp_path, "--items", *ITEMS, "--yes")
    assert again.stdout.count("\n+ ") == 1
    (collection,) = hub.collections.values()
    assert collection["private"] is True
    items = [(item["type"], item["id"]) for item in collection["items"]]
    papers = [("paper", "2402.01812"), ("paper", "2402.15000")]
    assert sorted(items) == sorted([tuple(item.split(":")) for item in ITEMS] + papers)


def test_a_collection_of_other_data_claims_nothing_of_gsm8k(hub: FakeHub, tmp_path: Path) -> None:
    items = ("--items", "model:org/subq")
    asked = collect(hub, tmp_path, *items)
    assert asked.returncode == 2
    assert "--title is missing" in asked.stderr
    done = collect(hub, tmp_path, *items, "--title", "Physics", "--yes")
    assert "1 items; read back" in done.stdout
    (collection,) = hub.collections.values()
    assert (collection["title"], collection["description"]) == ("Physics", "")


def test_what_is_not_on_the_hub_is_not_linked(hub: FakeHub, tmp_path: Path) -> None:
    done = collect(hub, tmp_path, "--title", "X", "--items", "model:org/gone", "--yes")
    assert done.returncode == 2
    assert "the Hub has no model org/gone" in done.stderr
    assert hub.collections == {}


@pytest.mark.parametrize(("token", "message"), [(None, "no Hugging Face token"), (PR_TOKEN, "may not write there")])
def test_a_token_that_does_not_suffice_is_explained(
    hub: FakeHub, tmp_path: Path, token: str | None, message: str
) -> None:
    done = collect(hub, tmp_path, "--items", *ITEMS, "--yes", token=token)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize("text", ["org/data", "metric:org/x", "model:/tmp/x", "dataset:name", "paper:"])
def test_malformed_item_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="expected kind:id"):
        parse_item(text)
