"""A step never runs twice at a time, on one machine or on several, and a dead runner's place is taken."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from eval_harness.study.engine import attempts as module
from eval_harness.study.engine.attempts import Attempt, OwnAttempt, begin, read_attempts

pytestmark = pytest.mark.skipif(os.name == "nt", reason="studies run on Linux and macOS")
ELSEWHERE = Attempt("node7", "node7-boot-1", 4242, 1.0, "2026-11-27T07:00:00+00:00")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_S", 0.05)
    monkeypatch.setattr(module, "STALE_S", 0.4)
    monkeypatch.setattr(module, "POLL_S", 0.02)


def write(folder: Path, number: int, attempt: Attempt) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{number}.json").write_text(json.dumps(dataclasses.asdict(attempt)))


def begun(folder: Path) -> OwnAttempt:
    mine = begin(folder)
    assert isinstance(mine, OwnAttempt)
    return mine


def test_the_second_copy_is_shown_the_first(tmp_path: Path) -> None:
    first = begun(tmp_path)
    second = begin(tmp_path)
    assert isinstance(second, Attempt)
    assert second.pid == os.getpid()
    first.end(0, None)
    assert begun(tmp_path).number == 2


def test_of_many_at_once_one_gets_it(tmp_path: Path) -> None:
    got: list[OwnAttempt | Attempt] = []
    threads = [threading.Thread(target=lambda: got.append(begin(tmp_path))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, OwnAttempt) for one in got) == 1
    assert list(read_attempts(tmp_path)) == [1]


def test_a_runner_that_was_killed_here_is_replaced_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALE_S", 600)
    code = f"from eval_harness.study.engine.attempts import *; begin(Path({str(tmp_path)!r})); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code])
    assert read_attempts(tmp_path)[1] is not None
    assert begun(tmp_path).number == 2


def test_a_process_id_that_came_again_is_no_life(tmp_path: Path) -> None:
    own = begun(tmp_path).attempt
    write(tmp_path, 1, dataclasses.replace(own, born=own.born - 3600))
    assert begun(tmp_path).number == 2


def test_another_machines_step_is_refused_while_its_heart_beats(tmp_path: Path) -> None:
    write(tmp_path, 1, ELSEWHERE)
    over = threading.Event()

    def beat() -> None:
        count = 0
        while not over.wait(0.05):
            count += 1
            write(tmp_path, 1, dataclasses.replace(ELSEWHERE, beat=count))

    heart = threading.Thread(target=beat)
    heart.start()
    other = begin(tmp_path)
    over.set()
    heart.join()
    assert isinstance(other, Attempt)
    assert other.host == "node7"
    began = time.monotonic()
    assert begun(tmp_path).number == 2, "no beat any more"
    assert time.monotonic() - began >= 0.4


def test_who_waits_gets_the_others_end(tmp_path: Path) -> None:
    first = begun(tmp_path)
    got: list[OwnAttempt | Attempt] = []
    waiting = threading.Thread(target=lambda: got.append(begin(tmp_path, wait=True)))
    waiting.start()
    time.sleep(0.1)
    first.end(2, "no money left")
    waiting.join(5)
    assert isinstance(got[0], Attempt)
    assert (got[0].exit, got[0].reason) == (2, "no money left")


def test_a_file_that_was_cut_off_blocks_nobody_for_long(tmp_path: Path) -> None:
    tmp_path.joinpath("1.json").write_text("")
    assert begun(tmp_path).number == 2


def test_who_was_taken_over_stops(tmp_path: Path) -> None:
    mine = begun(tmp_path)
    lost = threading.Event()
    mine.keep_alive(os.getpid(), lost.set)
    time.sleep(0.15)
    assert not lost.is_set()
    assert (read_attempts(tmp_path)[1] or ELSEWHERE).beat >= 2
    write(tmp_path, 2, ELSEWHERE)
    assert lost.wait(5)
