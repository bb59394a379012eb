"""The generator as a user meets it: three stages, one folder, nothing asked that need not be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from dataset_builder.generate.__main__ import main
from dataset_builder.generate.config import GenerateConfig, make_plan
from dataset_builder.generate.run import expected_requests
from dataset_builder.generate.stages import collect_set
from dataset_builder.llm.request import Response
from dataset_builder.schema.records import Problem, RawSet
from tests.support import generation_runs as runs
from tests.support.fake_openai import events, serving


def generate(problems: Path, url: str, output: Path, **options: object) -> int:
    given = {"model": "test-model", "backoff_s": 0.01, "progress": "false", **options}
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    return main(["--problems", str(problems), "--base_url", url, "--output", str(output), *words])


def test_a_run_writes_every_set_in_problem_order_and_says_what_it_did(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 4), tmp_path / "log", tmp_path / "run"
    with serving(log=str(log)) as url:
        assert generate(problems, url, folder) == 0
    sets = [RawSet.from_dict(values) for values in runs.read_sets(folder)]
    assert [(item.problem.gold_answer, item.set_index) for item in sets] == [
        (str(2 * i + 2), index) for i in range(4) for index in range(3)
    ]
    for item in sets:
        assert item.failures == ()
        assert item.questions_text is not None
        assert (item.answers_text or "").count("\nA") + 1 == item.questions_text.count("\n") + 1
        assert len(item.feedback_texts) == 3
        assert item.provenance.prompt_tokens == 500
        assert item.provenance.prompts["answer"].startswith("answer.v1@")
    facts = json.loads((folder / "run.json").read_text())
    assert facts["finished"] is True
    assert facts["requests"] == {
        "decompose": {"answered": 12},
        "answer": {"answered": 12},
        "feedback": {"answered": 36},
    }
    assert facts["tokens"] == {"prompt": 6000, "completion": 1200}
    assert facts["cost_usd"] == 0.0
    assert yaml.safe_load((folder / "config.yaml").read_text())["sets"] == 3
    assert len(events(log)) == 60


def test_the_papers_shape_is_112095_requests() -> None:
    plan = make_plan(GenerateConfig(model="m"))
    assert sum(expected_requests(plan, 7473).values()) == 112_095


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({}, 0),
        ({"feedback_max_tokens": 99}, 18),
        ({"solver_model": "another"}, 6),
        ({"votes": 4}, 6),
        ({"sets": 4}, 2 * (1 + 1 + 3)),
        ({"model": "another"}, 30),
        ({"max_in_flight": 3, "timeout_s": 50}, 0),
    ],
    ids=str,
)
def test_a_change_asks_only_what_changed(tmp_path: Path, change: dict, asked: int) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 2), tmp_path / "log", tmp_path / "run"
    with serving(log=str(log)) as url:
        assert generate(problems, url, folder) == 0
        before = len(events(log, "asked"))
        assert generate(problems, url, folder, **change, other_settings="true") == 0
    assert before == 30
    assert len(events(log, "asked")) - before == asked


def test_resuming_gives_the_same_sets_byte_for_byte(tmp_path: Path) -> None:
    problems, folder = runs.write_problems(tmp_path, 3), tmp_path / "run"
    with serving(faults={"length": 0.1, "content_filter": 0.1}) as url:
        assert generate(problems, url, folder) == 0
        first = (folder / "sets.jsonl").read_bytes()
        assert generate(problems, url, folder) == 0
    assert (folder / "sets.jsonl").read_bytes() == first
    (folder / "sets.jsonl").unlink()
    assert generate(problems, "http://127.0.0.1:9/v1", folder, offline="true") == 0
    assert (folder / "sets.jsonl").read_bytes() == first


def test_a_dry_run_sends_nothing_writes_nothing_and_prices_every_stage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems, folder = runs.write_problems(tmp_path, 10), tmp_path / "run"
    url = "http://192.0.2.1/v1"  # reserved for documentation: nobody is there
    assert generate(problems, url, folder, dry_run="true", model="gpt-4o-mini") == 0
    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in printed.splitlines() if line}
    assert [rows[task][1] for task in ("decompose", "answer", "feedback", "all")] == ["30", "30", "90", "150"]
    assert float(rows["all"][-1]) > 0
    assert "price of gpt-4o-mini: genai-prices" in printed
    assert not folder.exists()
    assert generate(problems, url, folder, dry_run="true", model="mine") == 0
    printed = capsys.readouterr().out
    assert "price of mine: unknown; name it with --price_input and --price_output" in printed
    assert "genai-prices" not in printed


def test_a_dry_run_counts_what_is_answered_already(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problems, folder = runs.write_problems(tmp_path, 4), tmp_path / "run"
    with serving() as url:
        assert generate(problems, url, folder, limit=2) == 0
    capsys.readouterr()
    assert generate(problems, url, folder, dry_run="true") == 0
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line}
    assert rows["all"][1:3] == ["30", "30"]


def test_a_set_without_readable_questions_is_recorded_and_asks_nothing_more(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 2), tmp_path / "log", tmp_path / "run"
    with serving(faults={"content_filter": 1.0}, log=str(log)) as url:
        assert generate(problems, url, folder) == 0
    sets = runs.read_sets(folder)
    assert len(sets) == 6
    assert {failure["kind"] for item in sets for failure in item["failures"]} == {"content_filter"}
    assert len(events(log)) == 6


def test_questions_that_cannot_be_parsed_are_a_failure_of_the_set() -> None:
    plan = make_plan(GenerateConfig(model="m"))
    problem = Problem("p", "How many?", "1", "test")
    request = plan.questions_request(problem, 0)
    reply = Response(request, "I would rather not.")
    collected = collect_set(plan, problem, 0, {request.key: reply}.get)
    assert collected is not None
    assert collected.questions_text == "I would rather not."
    assert [failure.stage for failure in collected.failures] == ["decompose"]


def test_what_was_not_asked_yet_says_so() -> None:
    plan = make_plan(GenerateConfig(model="m", votes=2))
    problem = Problem("p", "How many?", "1", "test")
    request = plan.questions_request(problem, 0)
    collected = collect_set(plan, problem, 0, {request.key: Response(request, "Q1: How many?")}.get)
    assert collected is not None
    assert [(item.stage, item.kind) for item in collected.failures] == [
        ("answer", "not_asked"), ("feedback", "not_asked"), ("feedback", "not_asked"),
    ]  # fmt: skip
    assert collect_set(plan, problem, 1, {}.get) is None


def test_repeats_of_a_set_are_different_requests() -> None:
    plan = make_plan(GenerateConfig(model="m"))
    problem = Problem("p", "How many?", "1", "test")
    keys = {plan.questions_request(problem, index).key for index in range(3)}
    keys |= {request.key for index in range(3) for request in plan.follow_ups(problem, index, ["How many?"])}
    assert len(keys) == 3 + 3 * 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ""}, "--model is missing"),
        ({"sets": 0}, "--sets must be at least 1"),
        ({"decompose_prompt": "decompose.v0"}, "no prompt 'decompose.v0'"),
        ({"max_cost_usd": 1, "base_url": "http://192.0.2.1/v1"}, "needs the price of test-model"),
        ({"base_url": "http://me:secret@host/v1"}, "URL with a password"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "nobody answers"),
        ({"problems": "nowhere.jsonl"}, "nowhere.jsonl"),
        ({"seats": 3}, "unknown argument"),
    ],
    ids=str,
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict, message: str
) -> None:
    values = {"problems": runs.write_problems(tmp_path, 1), "url": "http://127.0.0.1:9/v1", "output": tmp_path / "run"}
    options = {**options, **({"url": options.pop("base_url")} if "base_url" in options else {})}
    code = generate(**{**values, **options})  # type: ignore[arg-type]
    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert error.count("\n") == 1


def test_a_malformed_problem_line_is_named_by_its_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problems = runs.write_problems(tmp_path, 3)
    problems.write_text(problems.read_text() + "{oops\n")
    assert generate(problems, "http://127.0.0.1:9/v1", tmp_path / "run") == 2
    assert "4" in capsys.readouterr().err


def test_two_runs_on_one_folder_are_refused(tmp_path: Path) -> None:
    problems, folder = runs.write_problems(tmp_path, 5), tmp_path / "run"
    with serving(latency_s=600) as url:
        first = runs.start(problems, url, folder)
        while not (folder / "config.yaml").exists() and first.poll() is None:
            pass
        code, output = runs.generate(problems, url, folder)
        runs.kill(first)
    assert code == 2
    assert "being written by another run" in output
