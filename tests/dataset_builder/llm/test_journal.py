"""The journal keeps every answered request through whatever happens to its process."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import Journal, modes
from dataset_builder.llm.journal.__main__ import main
from dataset_builder.llm.request import Request, Response


def request(index: int = 0, task: str = "answer") -> Request:
    return Request(
        task, "m", ({"role": "user", "content": f"Problem: {index} häuser"},), {"max_tokens": 9}, "p", index
    )


def response(index: int = 0, **facts: object) -> Response:
    values: dict = {"text": f"A{index}", "prompt_tokens": 10, "completion_tokens": 2, "cost_usd": 0.5, **facts}
    return Response(request(index), **values)


def test_a_response_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = response(3, finish_reason="stop", latency_s=1.5)
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.add(written)
    with Journal(tmp_path) as journal:
        assert journal.get(written.request.key) == written
        assert written.request.key in journal
        assert len(journal) == 1


def test_an_error_is_a_record_but_no_answer(tmp_path: Path) -> None:
    failed = response(text=None, error_kind="server", error="HTTP 500")
    with Journal(tmp_path / "j") as journal:
        journal.add(failed)
        assert journal.get(failed.request.key) == failed
        assert failed.request.key not in journal
        assert len(journal) == 0
        assert journal.settled(failed.request.key) is None


def test_a_later_success_supersedes_an_error_and_the_history_stays(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.add(response(text=None, error_kind="timeout"))
        journal.add(response(text="yes"))
        journal.add(response(text=None, error_kind="server"))
        kept = journal.get(request().key)
        assert kept is not None
        assert kept.text == "yes"
        assert [first.error_kind for first in journal.responses()] == ["timeout", None, "server"]


@pytest.mark.parametrize(
    ("kind", "settles"),
    [
        ("bad_request", True),
        ("content_filter", True),
        ("length", True),
        ("empty", True),
        ("rate_limit", False),
        ("server", False),
        ("timeout", False),
        ("connection", False),
        ("bad_reply", False),
    ],
)
def test_only_a_failure_that_would_repeat_settles_a_request_unless_told_otherwise(
    tmp_path: Path, kind: str, settles: bool
) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.add(response(text="cut", error_kind=kind))
        assert (journal.settled(request().key) is not None) is settles
        assert journal.settled(request().key, retry_failed=True) is None


def test_a_second_writer_is_refused_in_the_same_process(tmp_path: Path) -> None:
    with Journal(tmp_path / "j"), pytest.raises(UserError, match="being written by another run"):
        Journal(tmp_path / "j")


def test_a_second_writer_is_refused_from_another_process_and_may_follow_its_death(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from dataset_builder.llm.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1])); print('open', flush=True); time.sleep(600)"
    )
    second = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "j")], stdout=subprocess.PIPE, text=True)
    assert second.stdout is not None
    assert second.stdout.readline() == "open\n"
    with pytest.raises(UserError, match=f"process {second.pid}"):
        Journal(tmp_path / "j")
    second.kill()
    second.communicate()
    with Journal(tmp_path / "j") as journal:
        assert len(journal) == 0


def test_a_reader_sees_the_replies_of_a_running_writer(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as writer, Journal(tmp_path / "j", read_only=True) as reader:
        writer.add(response(1))
        assert len(reader) == 1
        writer.add(response(2))
        assert [first.text for first in reader.responses()] == ["A1", "A2"]


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_no_journal_is_a_user_error_and_stays_as_it_is(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_text("these are not the bytes you look for\n" * 100)
    with pytest.raises(UserError, match="is not a journal"):
        Journal(path, read_only=read_only)
    assert path.read_text().startswith("these are not")
    path.unlink()
    Journal(path).close()  # the refused attempt left no lock behind


def test_a_missing_journal_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no journal at"):
        Journal(tmp_path / "nowhere", read_only=True)


@pytest.mark.parametrize("cut", [1, 40, 2000, 5000])
def test_a_torn_log_loses_its_tail_and_nothing_before_it(tmp_path: Path, cut: int) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from tests.dataset_builder.llm.test_journal import Journal, response\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "for index in range(30): journal.add(response(index))\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "j")], cwd=Path(__file__).parents[3], check=False)
    wal = tmp_path / "j-wal"
    with wal.open("r+b") as log:
        log.truncate(wal.stat().st_size - cut)
    with Journal(tmp_path / "j") as journal:
        kept = [first.text for first in journal.responses()]
        assert kept == [f"A{index}" for index in range(len(kept))]
        assert 25 <= len(kept) < 30
        journal.add(response(99))
        assert len(journal) == len(kept) + 1


def fill(journal: Journal) -> None:
    for index in range(2, 1000):
        journal.add(response(index))


def test_a_full_disk_is_a_user_error_and_keeps_what_was_committed(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.add(response(1))
        journal.database.execute("PRAGMA max_page_count = 12")
        with pytest.raises(UserError, match="full"):
            fill(journal)
        journal.database.execute("PRAGMA max_page_count = 100000")
        kept = [first.text for first in journal.responses()]
        assert kept == [f"A{index}" for index in range(1, len(kept) + 1)]
        journal.add(response(5000))


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_READONLY])
def test_a_disk_too_full_to_open_a_journal_is_not_called_another_kind_of_file(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = code
        raise error

    monkeypatch.setattr("dataset_builder.llm.journal._connect", connect)
    with pytest.raises(UserError, match="is the disk full or read-only") as caught:
        Journal(tmp_path)
    assert "is not a journal" not in str(caught.value)


def test_the_command_line_counts_and_exports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.add(response(1))
        journal.add(response(2, text=None, error_kind="length", cost_usd=None))
    assert main([str(tmp_path), "--export", str(tmp_path / "out.jsonl")]) == 0
    printed = capsys.readouterr().out
    assert "answered" in printed
    assert "unknown" in printed
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["key"] for line in lines] == [request(1).key, request(2).key]
    assert lines[0]["request"]["messages"][0]["content"] == "Problem: 1 häuser"
    assert lines[1]["error_kind"] == "length"


def mode_of(path: Path) -> str:
    with Journal(path) as journal:
        return journal.database.execute("PRAGMA journal_mode").fetchone()[0]


def test_a_journal_on_a_networks_file_system_shares_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(modes.VARIABLE, raising=False)
    mounts = [SimpleNamespace(mountpoint="/", fstype="ext4"), SimpleNamespace(mountpoint=str(tmp_path), fstype="nfs4")]
    monkeypatch.setattr(modes.psutil, "disk_partitions", lambda all: mounts[:1])
    folder = tmp_path / "run"
    folder.mkdir()
    with Journal(folder / "journal.sqlite") as journal:
        journal.add(response(1))
        assert (folder / "journal.sqlite-wal").exists()
    monkeypatch.setattr(modes.psutil, "disk_partitions", lambda all: mounts)
    assert mode_of(folder) == "delete"
    with Journal(folder) as journal, Journal(folder, read_only=True) as reader:
        journal.add(response(2))
        journal.sync()
        assert not (folder / "journal.sqlite-wal").exists()
        assert len(reader) == 2


@pytest.mark.parametrize(("named", "mode"), [("wal", "wal"), ("DELETE", "delete")])
def test_the_environment_decides_how_a_journal_is_kept(
    named: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(modes.VARIABLE, named)
    assert mode_of(tmp_path / "journal.sqlite") == mode
    monkeypatch.setenv(modes.VARIABLE, "truncate")
    with pytest.raises(UserError, match="SUBQ_JOURNAL_MODE must be wal or delete, found 'truncate'"):
        Journal(tmp_path / "journal.sqlite")
