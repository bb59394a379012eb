"""The Batch API backend keeps what was finished and never pays twice for a row."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from dataset_builder.llm.journal import Journal
from dataset_builder.llm.openai_batch.rows import read_line, read_row
from dataset_builder.llm.openai_batch.service import MOST_BYTES
from dataset_builder.llm.request import Request
from dataset_builder.llm.retry import Fault
from tests.support import generation_runs as runs
from tests.support.fake_openai import events, refusal_of, serving


def batches(log: Path) -> list[int]:
    """How many rows each batch of a server held."""
    lines = map(json.loads, log.read_text().splitlines())
    return [line["keys"] for line in lines if line["event"] == "batch"]


def run(problems: Path, url: str, folder: Path, **options: object) -> tuple[int, str]:
    return runs.generate_here(problems, url, folder, backend="batch", batch_poll_s=0.02, **options)


def test_two_waves_at_half_price_make_the_same_sets_as_the_chat_backend(tmp_path: Path) -> None:
    problems, log = runs.write_problems(tmp_path, 4), tmp_path / "log"
    prices = {"price_input": 1, "price_output": 1}
    with serving(log=str(log)) as url:
        assert runs.generate_here(problems, url, tmp_path / "chat", **prices)[0] == 0
        assert run(problems, url, tmp_path / "batch", **prices)[0] == 0
    assert batches(log) == [12, 48]
    chat, batch = (runs.read_sets(tmp_path / name) for name in ("chat", "batch"))
    for first, second in zip(chat, batch, strict=True):
        assert first["provenance"].pop("cost_usd") == pytest.approx(2 * second["provenance"].pop("cost_usd"))
        assert first == second
    assert not list((tmp_path / "batch" / "batches").iterdir())


@pytest.mark.parametrize("ending", ["expired", "cancelled"])
def test_finished_rows_of_a_batch_that_ended_early_are_kept_and_the_rest_goes_into_the_next(
    tmp_path: Path, ending: str
) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 4), tmp_path / "log", tmp_path / "run"
    with serving(log=str(log), batch_endings=[ending], batch_done_share=0.75) as url:
        assert run(problems, url, folder)[0] == 0
    assert batches(log)[0] == 12
    assert set(Counter(events(log)).values()) == {1}
    assert all(first["failures"] == [] for first in runs.read_sets(folder))


def test_a_refused_batch_is_submitted_again_in_halves_but_not_for_ever(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 4), tmp_path / "log", tmp_path / "run"
    with serving(log=str(log), batch_endings=["failed"] * 3) as url:
        code, output = run(problems, url, folder, batch_rows=12)
        assert code == 2
        assert "the file was refused" in output
        assert run(problems, url, folder)[0] == 0
    assert batches(log)[0] == 12
    assert max(batches(log)[1:3]) <= 6
    assert len(runs.read_sets(folder)) == 12


def test_failed_rows_are_tried_again_or_recorded_as_the_failure_asks(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 6), tmp_path / "log", tmp_path / "run"
    with serving(log=str(log), faults={"500": 0.2, "400": 0.1, "length": 0.1}) as url:
        assert run(problems, url, folder)[0] == 0
    with Journal(folder, read_only=True) as journal:
        outcomes = {row.outcome for row in journal.totals()}
    assert outcomes == {"answered", "bad_request", "length"}
    assert set(Counter(events(log)).values()) == {1}


def test_rows_per_batch_are_limited_and_a_batch_holds_one_model(tmp_path: Path) -> None:
    problems, log = runs.write_problems(tmp_path, 4), tmp_path / "log"
    with serving(log=str(log)) as url:
        assert run(problems, url, tmp_path / "run", batch_rows=5, solver_model="other")[0] == 0
    assert max(batches(log)) == 5
    assert sum(batches(log)) == 60
    assert MOST_BYTES < 200 * 10**6


@pytest.mark.slow
def test_kills_never_make_a_second_batch_of_the_same_rows(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 6), tmp_path / "log", tmp_path / "run"
    with serving(log=str(log), latency_s=0.05) as url:
        for created in range(1, 5):
            process = runs.start(problems, url, folder, backend="batch", batch_poll_s=0.05, batch_rows=20)
            while process.poll() is None and not (log.exists() and log.read_text().count('"batch"') >= created):
                pass
            runs.kill(process)
        code, output = run(problems, url, folder, batch_rows=20)
    assert code == 0, output
    assert set(Counter(events(log, "asked")).values()) == {1}
    assert len(runs.read_sets(folder)) == 18


def test_an_intent_whose_batch_was_never_made_is_submitted_anew(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 2), tmp_path / "log", tmp_path / "run"
    with serving(log=str(log)) as url:
        assert run(problems, url, folder, limit=1)[0] == 0
        with Journal(folder) as journal:
            journal.database.execute("INSERT INTO batches VALUES ('feed', ?, 'creating', NULL, NULL)", (url,))
            journal.database.execute("DELETE FROM replies WHERE task = 'answer'")
        assert run(problems, url, folder, limit=1)[0] == 0
    assert batches(log) == [3, 12, 3]


def test_the_cost_cap_holds_for_batches_too(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 10), tmp_path / "log", tmp_path / "run"
    cap = 0.02
    with serving(log=str(log), usage=[400, 60]) as url:
        code, output = run(problems, url, folder, max_cost_usd=cap, price_input=1, price_output=2)
    assert code == 2
    assert "the cost cap is reached" in output
    assert 0 < len(events(log)) * (400 * 1 + 60 * 2) * 0.5e-6 <= cap


@pytest.mark.parametrize(
    "row",
    [
        {"response": {"status_code": 0, "body": {}}, "error": None},
        {"response": {"status_code": 500, "body": {"error": "text"}}},
        {"response": None, "error": {"code": "server_error", "message": "no"}},
    ],
    ids=str,
)
def test_a_row_that_fails_for_ever_ends_the_run_with_its_reason(tmp_path: Path, row: dict[str, object]) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 1), tmp_path / "log", tmp_path / "run"
    with serving(log=str(log), batch_row=row) as url:
        code, output = run(problems, url, folder, sets=2, max_attempts=3)
    assert code == 2
    assert "2 requests were given up for now" in output
    assert batches(log) == [2, 2, 2]
    with serving() as url:
        assert run(problems, url, folder, sets=2, max_attempts=3)[0] == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"response": {"status_code": 400, "body": {"error": "text"}}}, "HTTP 400: text"),
        ({"response": {"status_code": 400, "body": ["odd"]}}, "HTTP 400: odd"),
        ({"response": {"status_code": 429, "body": {"error": {"type": "insufficient_quota"}}}}, "add credit"),
        ({"response": {"status_code": 200, "body": {"error": {"code": 402, "message": "pay"}}}}, "add credit"),
    ],
    ids=str,
)
def test_batch_rows_of_any_form_are_read_by_the_table_and_burn_nothing_where_all_are_refused(
    tmp_path: Path, row: dict[str, object], said: str
) -> None:
    problems, folder = runs.write_problems(tmp_path, 1), tmp_path / "run"
    with serving(batch_row=row) as url:
        code, output = run(problems, url, folder)
    assert (code, said in output) == (2, True), output
    with serving() as url:
        assert run(problems, url, folder)[0] == 0


@pytest.mark.parametrize("odd", ["status", 7, None, ["x"]])
def test_a_batch_row_without_a_readable_response_is_a_bad_reply_of_its_row(odd: object) -> None:
    request = Request("answer", "m", ({"role": "user", "content": "2"},))
    assert isinstance(read_row(request, {"custom_id": "k", "response": odd}), Fault)
    assert isinstance(read_row(request, {"custom_id": "k", "response": {"status_code": odd, "body": odd}}), Fault)
    assert read_line(json.dumps(odd)) is None
    assert read_line('{"custom_id": "k", "resp') is None


@pytest.mark.parametrize("gone", [{"batches_gone": 1}, {"files_gone": 1}])
def test_rows_of_a_batch_or_a_file_that_is_gone_are_asked_again(tmp_path: Path, gone: dict[str, int]) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 1), tmp_path / "log", tmp_path / "run"
    with serving(log=str(log), **gone) as url:
        code, output = run(problems, url, folder)
    assert code == 0, output
    assert "is gone" in output
    assert batches(log) == [3, 3, 12]
    assert all(one["failures"] == [] for one in runs.read_sets(folder))


def test_a_parameter_that_batch_rows_refuse_is_mended_for_the_next_batch(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 1), tmp_path / "log", tmp_path / "run"
    refusal = {"status": 400, "body": refusal_of("max_tokens")}
    with serving(log=str(log), script=[refusal] * 3) as url:
        code, output = run(problems, url, folder, sets=3)
    assert code == 0, output
    assert output.count("refuses max_tokens") == 1
    assert batches(log) == [3, 3, 12]
