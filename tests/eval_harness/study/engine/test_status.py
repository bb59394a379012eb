"""What people see of a study: states with their reasons, what it cost, and the time left."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from dataset_builder.core.files import write_json
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.request import Request, Response
from eval_harness.study.engine.attempts import begin
from eval_harness.study.engine.forecast import text, wall_minutes
from eval_harness.study.engine.profile import Limits
from eval_harness.study.engine.states import attempts_folder, done_file, states
from eval_harness.study.engine.status import remaining_minutes, status_text
from eval_harness.study.plan import Plan, Step, freeze
from tests.eval_harness.study.engine.test_attempts import ELSEWHERE

STEPS = [
    Step("ask", ("m",), minutes=10, api=True, price_usd=1.5, disk_gb=0.5),
    Step("train 1", ("m", "1"), ("ask",), minutes=30, gpu=1),
    Step("train 2", ("m", "2"), ("ask",), minutes=20, gpu=1),
    Step("page", ("m", "3"), ("train 1", "train 2"), minutes=1),
]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return freeze(STEPS, tmp_path, study="subq")


def finish(plan: Plan, name: str, seconds: float) -> None:
    write_json(done_file(plan, name), {"seconds": seconds, "cost_usd": 0.25})


def try_out(plan: Plan, name: str, **changes: object) -> None:
    values = dataclasses.asdict(ELSEWHERE) | changes
    write_json(attempts_folder(plan, name) / "1.json", values)


def test_each_state_with_its_reason(plan: Plan) -> None:
    finish(plan, "ask", 300)
    try_out(plan, "train 1", exit=1, reason="CUDA out of memory", seconds=40)
    try_out(plan, "train 2", seconds=60)
    assert [(state.word, state.seconds) for state in states(plan)] == [
        ("finished", 300),
        ("failed", 40),
        ("running", 60),
        ("waiting", 0),
    ]
    said = status_text(plan)
    assert "1 finished, 1 running, 1 waiting, 1 failed of 4 steps" in said
    assert "CUDA out of memory" in said
    assert "process 4242 on node7" in said
    assert "for train 1, train 2" in said
    assert "0.25 USD so far; the plan says about 1.50 USD" in said
    assert f"log        {plan.output / 'logs' / 'train-1-'}" in said


def test_a_step_killed_with_its_runner_is_seen_at_once(plan: Plan) -> None:
    begin(attempts_folder(plan, "ask"))
    path = attempts_folder(plan, "ask") / "1.json"
    write_json(path, json.loads(path.read_text()) | {"born": 1.0})
    (first, *_) = states(plan)
    assert first.word == "failed"
    assert "killed" in first.note
    assert "the same command goes on" in first.note


def test_time_left_is_at_the_pace_so_far(plan: Plan) -> None:
    finish(plan, "ask", 300)  # of ten minutes
    try_out(plan, "train 2", seconds=240)
    assert remaining_minutes(plan, states(plan)) == {"train 1": 15, "train 2": 6, "page": 0.5}


def test_what_runs_has_cost_what_its_journal_says(plan: Plan) -> None:
    try_out(plan, "ask", seconds=5)
    plan.folder("ask").mkdir(parents=True)
    request = Request("solve", "m", ({"role": "user", "content": "?"},))
    with Journal(plan.folder("ask") / "journal.sqlite") as journal:
        journal.add(Response(request, "4", "stop", cost_usd=0.125))
        assert states(plan)[0].cost_usd == 0.125


def test_the_wall_time_keeps_the_limits(plan: Plan) -> None:
    minutes = {step.name: step.minutes for step in STEPS}
    assert wall_minutes(plan, minutes, Limits(4, 2, 1)) == 41
    assert wall_minutes(plan, minutes, Limits(4, 1, 1)) == 61
    assert wall_minutes(plan, minutes, Limits(1, 2, 1)) == 61
    assert wall_minutes(plan, {"page": 1.0}, Limits(4, 2, 1)) == 1
    assert wall_minutes(plan, minutes, Limits(4, 0, 1)) == math.inf


def test_a_forecast_says_price_gpu_hours_and_disk_and_touches_nothing(plan: Plan, tmp_path: Path) -> None:
    said = text(plan, Limits(2, 2, 1))
    assert "4 steps, 4 to run" in said
    assert "about 41 minutes, 2 at a time (61 minutes one by one)" in said
    assert "about 1.50 USD" in said
    assert "GPU hours  about 0.8" in said
    assert "about 0.50 GB" in said
    assert "time       not on this machine (61 minutes one by one)" in text(plan, Limits(2, 0, 1))
    assert list(tmp_path.iterdir()) == []
