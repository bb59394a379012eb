"""One step: what it leaves, why it failed, and that it dies with its runner and stops when it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from dataset_builder.core.errors import UserError
from eval_harness.study.engine import gpus
from eval_harness.study.engine.attempts import OwnAttempt, read_attempts
from eval_harness.study.engine.running import run_step
from eval_harness.study.engine.states import attempts_folder, done_file, is_done, log_file
from eval_harness.study.plan import Plan, Step, freeze, write_plan
from tests.conftest import ROOT
from tests.support.toy_step import toy

pytestmark = pytest.mark.skipif(os.name == "nt", reason="studies run on Linux and macOS")


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOY_COUNT", str(tmp_path / "count"))
    return tmp_path / "count"


def frozen(tmp_path: Path, *steps: Step) -> Plan:
    return freeze(steps, tmp_path / "study", work=ROOT)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_step_runs_once_and_says_what_it_took(tmp_path: Path, count: Path) -> None:
    plan = frozen(tmp_path, toy("a"))
    for _ in range(2):
        run_step(plan, "a")
    assert count.read_text() == "start a\nend a\n"
    done = json.loads(done_file(plan, "a").read_text())
    assert (done["step"], done["attempts"], done["cost_usd"]) == ("a", 1, 0)
    log = log_file(plan, "a").read_text()
    assert "== attempt 1" in log
    assert "this is a" in log
    assert [path.name for path in plan.folder("a").iterdir()] == ["record.json"], "the folder is the command's"


def test_who_sees_that_it_has_ended_sees_that_it_is_done(
    tmp_path: Path, count: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, seen = frozen(tmp_path, toy("a")), []

    def end(self: OwnAttempt, code: int, reason: str | None) -> None:
        seen.append((code, is_done(plan, "a")))
        _end(self, code, reason)

    _end = OwnAttempt.end
    monkeypatch.setattr(OwnAttempt, "end", end)
    run_step(plan, "a")
    assert seen == [(0, True)]


def test_a_failure_is_one_line_with_the_commands_reason(tmp_path: Path, count: Path) -> None:
    plan = frozen(tmp_path, toy("a", fails="no such model"))
    with pytest.raises(UserError, match=r"step 'a': no such model \(exit code 1\)"):
        run_step(plan, "a")
    assert not is_done(plan, "a")
    (first,) = read_attempts(attempts_folder(plan, "a")).values()
    assert first is not None
    assert first.reason == "no such model (exit code 1)"


def test_a_command_without_its_record_is_not_finished(tmp_path: Path, count: Path) -> None:
    plan = frozen(tmp_path, replace(toy("a"), record="scores.json"))
    with pytest.raises(UserError, match=r"left no scores\.json"):
        run_step(plan, "a")
    assert not is_done(plan, "a")


def test_windows_is_refused_in_one_line(tmp_path: Path, count: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = frozen(tmp_path, toy("a"))
    monkeypatch.setattr("eval_harness.study.engine.processes.os", SimpleNamespace(name="nt"))
    with pytest.raises(UserError, match="in WSL"):
        run_step(plan, "a")
    assert not count.exists()


def test_parents_come_first(tmp_path: Path, count: Path) -> None:
    with pytest.raises(UserError, match="'b' needs a first"):
        run_step(frozen(tmp_path, toy("a"), toy("b", "a")), "b")
    assert not count.exists()


def test_gpus_are_handed_out_and_given_back(tmp_path: Path, count: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))
    plan = frozen(tmp_path, toy("a", gpu=1), toy("b", gpu=2), toy("c", gpu=3))
    with gpus.taken_gpus(1) as taken:
        run_step(plan, "a", hand_out_gpus=True)
    assert taken == ["4"]
    assert "GPUs 7\n" in log_file(plan, "a").read_text()
    run_step(plan, "b", hand_out_gpus=True)
    assert "GPUs 4,7\n" in log_file(plan, "b").read_text()
    with pytest.raises(UserError, match="3 GPUs are needed and 2 are here"):
        run_step(plan, "c", hand_out_gpus=True)


def started(plan: Plan) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "eval_harness.study.step", "--plan", str(write_plan(plan)), "--step", "a"]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)


def child_of(plan: Plan) -> int:
    def child() -> int:
        first = read_attempts(attempts_folder(plan, "a")).get(1)
        return first.child[0] if first and first.child else 0

    until(child)
    return child()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone ends a child with its parent")
def test_a_second_copy_is_refused_and_a_killed_ones_command_dies_with_it(tmp_path: Path, count: Path) -> None:
    plan = frozen(tmp_path, toy("a", seconds=60))
    first = started(plan)
    child = child_of(plan)
    until(count.exists)
    with pytest.raises(UserError, match=f"being run by process {first.pid} on"):
        run_step(plan, "a")
    assert count.read_text() == "start a\n"
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_a_step_that_is_told_to_stop_hands_that_on(tmp_path: Path, count: Path) -> None:
    plan = frozen(tmp_path, toy("a", seconds=60))
    runner = started(plan)
    child = child_of(plan)
    until(count.exists)
    runner.send_signal(signal.SIGTERM)
    said = runner.communicate(timeout=20)[1].decode()
    assert runner.returncode == 2
    assert "step 'a': ended by SIGTERM" in said
    assert not psutil.pid_exists(child)
