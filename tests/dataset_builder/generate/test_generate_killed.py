"""Nothing paid for is lost and nothing is paid for twice, whatever ends the process."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from dataset_builder.llm.journal import Journal
from tests.support import generation_runs as runs
from tests.support.fake_openai import events, serving

KILLS = 20
IN_FLIGHT = 16
PROBLEMS = 40
FAULTS = {
    "429": 0.04, "500": 0.03, "503": 0.01, "hang": 0.004, "half": 0.03, "not_json": 0.02, "wrong_json": 0.02,
    "drop": 0.03, "content_filter": 0.02, "length": 0.02, "empty": 0.01,
}  # fmt: skip


@pytest.mark.slow
def test_twenty_sigkills_lose_nothing_read_and_ask_nothing_twice_that_was_read(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, PROBLEMS), tmp_path / "server.log", tmp_path / "run"
    dice = random.Random(20)
    with serving(faults=FAULTS, latency_s=0.01, retry_after_s=0.02, log=str(log)) as url:
        options = {"max_in_flight": IN_FLIGHT, "timeout_s": 2.0}
        for _ in range(KILLS):
            before = runs.replies(folder / "journal.sqlite")
            process = runs.start(problems, url, folder, **options)
            assert runs.wait_for_replies(process, folder / "journal.sqlite", before + dice.randint(1, 24))
            time.sleep(dice.random() * 0.03)
            runs.kill(process)
            with Journal(folder, read_only=True) as journal:
                known = {reply.request.key for reply in journal.responses() if journal.settled(reply.request.key)}
            asked = len(events(log, "asked"))
            (tmp_path / "kills.jsonl").open("a").write(json.dumps([asked, sorted(known)]) + "\n")
        code, output = runs.generate(problems, url, folder, **options)
    assert code == 0, output
    asked_keys = events(log, "asked")
    for line in (tmp_path / "kills.jsonl").read_text().splitlines():
        position, settled = json.loads(line)
        assert not set(asked_keys[position:]) & set(settled)
    answered = Counter(events(log))
    repeats = sum(count - 1 for count in answered.values())
    assert repeats <= KILLS * IN_FLIGHT
    sets = runs.read_sets(folder)
    assert len(sets) == PROBLEMS * 3
    assert all(_is_complete(item) for item in sets)
    assert [item["problem"]["problem_id"] for item in sets] == sorted(
        (item["problem"]["problem_id"] for item in sets), key=[item["problem"]["problem_id"] for item in sets].index
    )


def _is_complete(collected: dict) -> bool:
    """Every text is there, or the reason that no further asking would mend."""
    texts = [collected["answers_text"], *collected["feedback_texts"]]
    kinds = {failure["kind"] for failure in collected["failures"]}
    if not kinds <= {"content_filter", "length", "empty"}:
        return False
    if collected["questions_text"] is None:
        return bool(kinds)
    return texts.count(None) == len(collected["failures"])


def test_ctrl_c_reads_and_writes_what_is_in_flight(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 30), tmp_path / "server.log", tmp_path / "run"
    with serving(latency_s=0.5, log=str(log)) as url:
        process = runs.start(problems, url, folder, max_in_flight=8)
        assert runs.wait_for_replies(process, folder / "journal.sqlite", 12)
        process.send_signal(signal.SIGINT)
        code, output = runs.finish(process)
    assert code == 130, output
    with Journal(folder, read_only=True) as journal:
        assert {reply.request.key for reply in journal.responses()} == set(events(log, "asked"))
    assert runs.read_sets(folder)
    assert json.loads((folder / "run.json").read_text())["stopped_by"] == "interrupted"


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 5), tmp_path / "server.log", tmp_path / "run"
    with serving(latency_s=600, log=str(log)) as url:
        process = runs.start(problems, url, folder, timeout_s=600)
        while not events(log, "asked") and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "stopping" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        code, output = runs.finish(process)
    assert code == 130, output
    with Journal(folder, read_only=True) as journal:
        assert len(journal) == 0


def test_after_a_kill_a_torn_log_is_cut_at_the_last_good_commit(tmp_path: Path) -> None:
    problems, folder = runs.write_problems(tmp_path, 30), tmp_path / "run"
    with serving(latency_s=0.01) as url:
        process = runs.start(problems, url, folder, max_in_flight=4)
        assert runs.wait_for_replies(process, folder / "journal.sqlite", 20)
        runs.kill(process)
        wal = folder / "journal.sqlite-wal"
        with wal.open("r+b") as log:
            log.truncate(wal.stat().st_size - 1500)
        with Journal(folder) as journal:
            kept = len(journal)
            assert kept >= 15
            assert len(list(journal.responses())) == kept
        code, output = runs.generate(problems, url, folder)
    assert code == 0, output
    assert len(runs.read_sets(folder)) == 90


@pytest.mark.slow
def test_nothing_written_holds_the_key(tmp_path: Path) -> None:
    problems, folder = runs.write_problems(tmp_path, 3), tmp_path / "run"
    with serving(faults={"500": 0.2, "400": 0.1}) as url:
        assert runs.generate(problems, url, folder)[0] == 0
        assert runs.generate(problems, url, folder, backend="batch", batch_poll_s=0.05, sets=4)[0] == 0
    with serving(script=["401"] * 50) as url:
        code, output = runs.generate(problems, url, tmp_path / "refused")
    assert code == 2
    assert runs.KEY not in output
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 8
    for path in written:
        content = path.read_bytes()
        assert runs.KEY.encode() not in content, path
        assert b"authorization" not in content.lower(), path
