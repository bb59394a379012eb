"""Rewards over HTTP: a kill -9 or a dead endpoint costs nothing twice, and a cap on the cost holds."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file

from dataset_builder.core.config import save_resolved
from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import Journal
from recipes.config.recipe import RecipeConfig
from recipes.train import run_recipe
from recipes.training.record import read_train_record
from recipes.training.solver import JOURNAL
from tests.recipes.methods.online.conftest import Online
from tests.support.fake_openai import ROOT, events, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.jsonl"


@pytest.fixture
def solver(log: Path) -> Iterator[str]:
    """The embedded world's solver on a loopback port, which writes down every request."""
    with serving(world=True, log=str(log), latency_s=0.02) as url:
        yield url


def over_http(
    online: Online, output: Path, url: str, settings: dict[str, object] | None = None, **changes: object
) -> RecipeConfig:
    return online(output, "grpo", settings, solver="openai:test-model", solver_base_url=url, save_steps=2, **changes)


@pytest.mark.parametrize("settings", [{}, {"screen": 3, "clone_weight": 1.0}])
def test_a_run_killed_with_signal_9_goes_on_and_pays_for_nothing_twice(
    online: Online, tmp_path: Path, solver: str, log: Path, settings: dict[str, object]
) -> None:
    config = over_http(online, tmp_path / "killed", solver, settings, max_steps=8, learning_rate=3e-3)
    save_resolved(config, tmp_path / "recipe.yaml")
    command = [sys.executable, "-m", "recipes.train", "--config", str(tmp_path / "recipe.yaml")]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checkpoint, deadline = (
        tmp_path / "killed" / "checkpoints" / "checkpoint-2" / "trainer_state.json",
        time.time() + 120,
    )
    while not checkpoint.is_file() and time.time() < deadline:
        time.sleep(0.05)
    asked_then = len(events(log, "asked"))
    while len(events(log, "asked")) <= asked_then and child.poll() is None:
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "killed" / "train_record.json").exists()
    with Journal(tmp_path / "killed" / JOURNAL, read_only=True) as journal:
        known = {reply.request.key for reply in journal.responses()}
    position = len(events(log, "asked"))
    assert 0 < len(known) < position  # some were in flight

    record = read_train_record(run_recipe(config))
    asked = events(log, "asked")
    assert not set(asked[position:]) & known
    assert len(asked) - len(set(asked)) <= position - len(known)
    kept = record.details["rewards"]["calls"]
    assert kept == len(set(asked))

    straight = read_train_record(run_recipe(dataclasses.replace(config, output_dir=str(tmp_path / "straight"))))
    assert straight.details["rewards"]["calls"] == kept
    assert straight.details["rewards"]["screened"] == record.details["rewards"]["screened"]
    ends = [load_file(tmp_path / name / "model.safetensors") for name in ("killed", "straight")]
    assert all(weight.allclose(ends[1][name], atol=1e-5) for name, weight in ends[0].items())


def test_an_endpoint_that_dies_pauses_the_run_with_a_checkpoint_and_is_never_a_reward_of_zero(
    online: Online, tmp_path: Path, log: Path
) -> None:
    script: list[object] = [""] * 12 + [{"status": 401, "body": {"error": {"message": "the key was taken back"}}}]
    with serving(world=True, log=str(log), script=script) as url:
        config = over_http(online, tmp_path / "out", url, max_steps=6)
        with pytest.raises(UserError, match="the key was taken back"):
            run_recipe(config)
        step = max(int(path.name.split("-")[1]) for path in (tmp_path / "out" / "checkpoints").glob("checkpoint-*"))
        assert step > 0
        record = read_train_record(run_recipe(config))
    assert record.updates == 6
    with Journal(tmp_path / "out" / JOURNAL, read_only=True) as journal:
        assert record.details["rewards"]["calls"] == len(journal)


def test_a_cap_on_the_cost_stops_the_run_before_it_is_passed(online: Online, tmp_path: Path, solver: str) -> None:
    prices = {"solver_price_input": 10.0, "solver_price_output": 10.0, "solver_max_cost_usd": 0.03}
    config = over_http(online, tmp_path / "out", solver, max_steps=8, **prices)
    with pytest.raises(UserError, match=r"the cost cap is reached.*raise --solver_max_cost_usd"):
        run_recipe(config)
    with Journal(tmp_path / "out" / JOURNAL, read_only=True) as journal:
        assert 0 < sum(row.cost_usd for row in journal.totals()) <= 0.03
    dearer = dataclasses.replace(config, solver_max_cost_usd=5.0)
    assert read_train_record(run_recipe(dearer)).details["rewards"]["cost_usd"] > 0
