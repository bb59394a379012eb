"""Whole runs over loopback HTTP: against the embedded world, against a server with faults, killed and resumed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from dataset_builder.llm.journal import Journal
from dataset_builder.prompts import load_prompt
from eval_harness.pipeline.grid import energy_in_process
from eval_harness.records.predictions import load_predictions
from eval_harness.records.results import load_record, load_records
from eval_harness.run import main
from tests.conftest import ROOT
from tests.support.fake_openai import events, serving

TEXTS = [f"Ann has {count} pens and buys {count + 1} more. How many pens has Ann?" for count in range(2, 42)]


@pytest.fixture
def problems_file(tmp_path: Path) -> Path:
    path = tmp_path / "problems.jsonl"
    rows = ({"question": text, "answer": f"So.\n#### {index}"} for index, text in enumerate(TEXTS))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def arguments(output: Path, **options: Any) -> list[str]:
    words = ["--output", str(output)]
    for name, value in options.items():
        words += [f"--{name}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return words


def test_other_prompts_are_asked_and_named_in_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = {"source": "micro_gsm", "limit": 3, "base_url": "micro_gsm", "solvers": "openai:micro-gsm-solver"}
    prompts = {"answer_prompt": "answer_words.v1", "decompose_prompt": "decompose_capped.v1", "max_sub_questions": 9}
    out = tmp_path / "out"
    assert main(arguments(out, decomposers="api:micro-gsm-teacher", baseline="none", **world, **prompts)) == 0
    (record,) = load_records(out)
    assert record.prompts["answer"].startswith("answer_words.v1@")
    assert record.prompts["decompose"].startswith("decompose_capped.v1@")
    with Journal(out / "journal.sqlite", read_only=True) as journal:
        texts = [text for (text,) in journal.database.execute("SELECT request FROM texts")]
    start = json.dumps(load_prompt("answer_words.v1").text[:60])[1:-1]
    assert sum(start in text for text in texts) == 3
    for name, message in (("answer.v0", "no prompt 'answer.v0'"), ("direct.v1", "no place for sub_questions")):
        assert main(arguments(tmp_path / name, decomposers="reference", **world, answer_prompt=name)) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_grid_on_the_embedded_world_ranks_reference_teacher_and_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = arguments(
        tmp_path / "out", source="micro_gsm", limit=60, base_url="micro_gsm", decomposer_temperature=0.7,
        decomposers=["reference", "api:micro-gsm-teacher", "none"], solvers="openai:micro-gsm-solver",
    )  # fmt: skip
    assert main(options) == 0
    printed = capsys.readouterr().out
    records = {record.label: record for record in load_records(tmp_path / "out")}
    assert set(records) == {"reference", "micro-gsm-teacher", "none"}
    assert records["reference"].accuracy > records["micro-gsm-teacher"].accuracy > records["none"].accuracy
    assert all(record.publishable and record.n == 60 for record in records.values())
    assert "| reference " in printed
    assert "p < 0.001" in printed
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert files["table.md"].decode().strip() in printed
    lines = csv.DictReader(files["table.csv"].decode().splitlines())
    assert {line["decomposer"]: float(line["accuracy"]) for line in lines} == {
        label: record.accuracy for label, record in records.items()
    }
    for label in records:
        assert f"\n{label} & " in files["table.tex"].decode()
        assert f"<!-- {label} -->" in files["accuracy.svg"].decode()
    assert files["accuracy.png"].startswith(b"\x89PNG")
    assert yaml.safe_load(files["config.yaml"])["limit"] == 60
    usage = records["micro-gsm-teacher"].usage
    assert usage["decompose"]["prompt_tokens"] > 0
    assert usage["solve"]["completion_tokens"] > 0


def test_a_rerun_asks_nothing_again_and_gives_the_same_predictions(problems_file: Path, tmp_path: Path) -> None:
    log, output = tmp_path / "log", tmp_path / "out"
    with serving(log=str(log)) as url:
        options = arguments(
            output, source=problems_file, base_url=url, decomposers=["api:m", "none"], solvers="openai:m"
        )
        assert main(options) == 0
        asked = events(log, "asked")
        first = {path.name: path.read_bytes() for path in (output / "predictions").iterdir()}
        assert main(options) == 0
    assert len(asked) == len(set(asked)) == 3 * len(TEXTS)
    assert events(log, "asked") == asked
    assert {path.name: path.read_bytes() for path in (output / "predictions").iterdir()} == first


def test_what_another_run_was_answered_is_not_asked_again_and_counts_the_same(
    problems_file: Path, tmp_path: Path
) -> None:
    log, first, second = tmp_path / "log", tmp_path / "first", tmp_path / "second"
    with serving(log=str(log)) as url:
        options = {"source": problems_file, "base_url": url, "decomposers": "api:m"}
        assert main(arguments(first, solvers="openai:m", **options)) == 0
        asked = len(events(log, "asked"))
        again = arguments(second, solvers="openai:other", asked_before=first, **options)
        assert main(again) == 0
        assert main(again) == 0
    assert len(events(log, "asked")) == asked + len(TEXTS)
    records = [load_records(output)[0] for output in (first, second)]
    assert records[0].usage["decompose"] == records[1].usage["decompose"]
    assert records[0].decomposer == records[1].decomposer
    assert records[1].config["asked_before"] == "first"
    sets = [
        [item.decomposition for item in load_predictions(next((x / "predictions").iterdir()))] for x in (first, second)
    ]
    assert sets[0] == sets[1]
    with Journal(second, read_only=True) as journal:
        assert {row.task for row in journal.totals()} == {"answer"}


@pytest.mark.slow
def test_a_killed_run_goes_on_without_asking_anything_twice(problems_file: Path, tmp_path: Path) -> None:
    log, output = tmp_path / "log", tmp_path / "out"
    with serving(log=str(log), latency_s=0.05) as url:
        options = arguments(
            output, source=problems_file, base_url=url, max_in_flight=4, decomposers=["api:m", "none"],
            solvers=["openai:m", "openai:n"],
        )  # fmt: skip
        child = subprocess.Popen(
            [sys.executable, "-m", "eval_harness.run", *options],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while len(events(log)) < len(TEXTS) + 10 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        with Journal(output / "journal.sqlite", read_only=True) as journal:
            known = {response.request.key for response in journal.responses()}
        assert len(TEXTS) <= len(known) < 5 * len(TEXTS)
        before = Counter(events(log, "asked"))
        assert main(options) == 0
    again = Counter(events(log, "asked")) - before
    assert not known & set(again)
    assert len(load_records(output)) == 4
    assert all(record.publishable for record in load_records(output))


def test_an_endpoint_that_dies_is_counted_and_the_rerun_heals_it(
    problems_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    options = arguments(
        output, source=problems_file, decomposers=["none"], solvers="openai:m", max_in_flight=16, give_up_after_s=0.5
    )
    dying = "import sys; from tests.eval_harness.test_run import serve_a_few; serve_a_few(int(sys.argv[1]))"
    server = subprocess.Popen(
        [sys.executable, "-c", dying, "10"], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdin is not None
    url = server.stdout.readline().strip()
    assert main([*options, "--base_url", url]) == 2
    server.wait()
    server.stdout.close()
    server.stdin.close()
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert "requests failed" in error
    record = load_record(output / "results" / "none--m.json")
    assert not record.publishable
    assert 0 < record.counts["request_failed"] < len(TEXTS)
    assert record.n == len(TEXTS)
    log = tmp_path / "log"
    with serving(log=str(log)) as url:
        assert main([*options, "--base_url", url]) == 2
        assert "--other_endpoint true" in capsys.readouterr().err
        assert main([*options, "--base_url", url, "--other_endpoint", "true"]) == 0
    assert len(events(log)) == record.counts["request_failed"]
    assert load_record(output / "results" / "none--m.json").publishable


def serve_a_few(count: int) -> None:
    """A chat endpoint that ends its process after `count` replies."""
    import http.server

    from tests.support.fake_openai import completion, reply_text

    class Handler(http.server.BaseHTTPRequestHandler):
        replies = 0

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if Handler.replies >= count:
                os._exit(0)
            Handler.replies += 1
            content = json.dumps(completion(reply_text(body["messages"]), body["model"], [9, 1])).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    server.serve_forever()


def test_refused_requests_are_counted_and_not_publishable(
    problems_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(faults={"400": 0.2}) as url:
        options = arguments(
            tmp_path / "out", source=problems_file, base_url=url, decomposers=["none"], solvers="openai:m"
        )
        assert main(options) == 2
    assert "--retry_failed" in capsys.readouterr().err
    record = load_record(tmp_path / "out" / "results" / "none--m.json")
    assert record.counts["request_failed"] > 0
    assert not record.publishable


def test_an_unreachable_endpoint_is_one_line(
    problems_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = arguments(
        tmp_path / "out", source=problems_file, base_url="http://127.0.0.1:9/v1", decomposers=["none"],
        solvers="openai:m", give_up_after_s=0.2,
    )  # fmt: skip
    assert main(options) == 2
    assert "error:" in capsys.readouterr().err


def test_predictions_are_on_disk_with_everything_that_was_received(problems_file: Path, tmp_path: Path) -> None:
    with serving() as url:
        options = arguments(
            tmp_path / "out", source=problems_file, limit=5, base_url=url, decomposers=["api:m"], solvers="openai:m",
            seeds=[0, 1],
        )  # fmt: skip
        assert main(options) == 0
    result = load_predictions(tmp_path / "out" / "predictions" / "m--m.jsonl")
    assert [item.seed for item in result] == [0] * 5 + [1] * 5
    assert all(item.decomposition.text and item.reply.text and item.reply.usage.prompt_tokens for item in result)
    record = load_record(tmp_path / "out" / "results" / "m--m.json")
    assert (record.n, set(record.accuracy_per_seed)) == (10, {"0", "1"})


def test_recorded_sub_questions_and_responses_make_a_pair_without_any_model(
    problems_file: Path, tmp_path: Path
) -> None:
    recorded = tmp_path / "eval_mine.jsonl"
    rows = (
        {"problem": text, "questions": "Q1: How many?", "answers": f"Final answer: {index}\n\nProblem: more"}
        for index, text in enumerate(TEXTS)
    )
    recorded.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    options = arguments(
        tmp_path / "out", source=problems_file, decomposers=[f"recorded:{recorded}"], solvers=f"recorded:{recorded}"
    )
    assert main(options) == 0
    record = load_record(tmp_path / "out" / "results" / "eval_mine--eval_mine.json")
    assert record.accuracy == 1
    assert record.cut["predictions"] == len(TEXTS)


def test_recorded_references_give_granularity_and_fluency(problems_file: Path, tmp_path: Path) -> None:
    rows = [{"problem": text, "questions": "Q1: How many?\nQ2: In all?", "answers": "?"} for text in TEXTS]
    recorded = tmp_path / "teacher.jsonl"
    recorded.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    spec = f"recorded:{recorded}"
    options = arguments(tmp_path / "out", source=problems_file, decomposers=[spec], solvers=spec)
    assert main(options) == 0
    record = tmp_path / "out" / "results" / "teacher--teacher.json"
    assert load_record(record).quality["granularity"] is None
    assert main([*options, "--references", str(recorded)]) == 0
    quality = load_record(record).quality
    assert (quality["granularity"], quality["fluency"]) == (1.0, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("local", "watt_hours", "expected"),
    [(("api", "openai"), (1.0, 2.0), None), (("checkpoint", "openai"), (1.0, 2.0), 1.0),
     (("checkpoint", "transformers"), (1.0, 2.0), 3.0), (("api", "vllm"), (None, None), None)],
)  # fmt: skip
def test_energy_counts_only_what_ran_in_this_process(
    local: tuple[str, str], watt_hours: tuple[float | None, float | None], expected: float | None
) -> None:
    roles = [SimpleNamespace(metadata={"kind": kind}) for kind in local]
    assert energy_in_process(*zip(roles, watt_hours, strict=True)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"references": "nowhere.jsonl"}, "no references nowhere.jsonl"),
        ({"solvers": "openai"}, "expected one of openai:MODEL"),
        ({"solvers": "recorded:nowhere.jsonl"}, "no recorded responses"),
        ({"decomposers": ["none", "none"]}, "named twice"),
        ({"decomposers": ["checkpoint:outputs/nowhere"]}, "no checkpoint"),
        ({"decomposers": ["cot_few_shot@x"]}, "positive number of samples"),
        ({"decomposers": ["cot_few_shot@5"]}, "all equal at temperature 0"),
        ({"limit": 0}, "--limit must be at least 1"),
        ({"rule": "first"}, "--rule: no 'first', did you mean 'first_marker'? valid: first_marker"),
        ({"decomposer": "none"}, "did you mean '--decomposers'"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(
    options: dict[str, Any], message: str, problems_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "source": problems_file,
        "decomposers": ["none"],
        "solvers": "openai:m",
        "base_url": "http://127.0.0.1:9/v1",
    }
    assert main(arguments(tmp_path / "out", **(given | options))) == 2
    assert message in capsys.readouterr().err


def test_a_problem_without_gold_answer_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"question": "How many?", "answer": ""}\n', encoding="utf-8")
    assert main(arguments(tmp_path / "out", source=path, decomposers=["none"], solvers="openai:m")) == 2
    assert "error:" in capsys.readouterr().err
