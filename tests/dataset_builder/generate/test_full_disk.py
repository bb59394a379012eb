"""A full disk is one line, whichever file meets it first, and the same command resumes when there is room again."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import pytest

from dataset_builder.llm.journal import Journal
from tests.support import generation_runs as runs
from tests.support.fake_openai import events, serving

PROBLEMS = 30


def is_one_line(printed: str) -> bool:
    return "Traceback" not in printed and printed.count("error: ") == 1


def test_no_more_room_for_the_journal_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    problems, log, folder = runs.write_problems(tmp_path, PROBLEMS), tmp_path / "server.log", tmp_path / "run"
    with serving(log=str(log)) as url:
        process = runs.start(problems, url, folder)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (300_000, 300_000))  # its files can grow no further
        code, printed = runs.finish(process)
        assert (code, is_one_line(printed)) == (2, True), printed
        assert "journal.sqlite" in printed
        with Journal(folder, read_only=True) as journal:
            kept = {reply.request.key for reply in journal.responses() if reply.ok}
        assert kept
        before = len(events(log, "asked"))
        assert runs.generate_here(problems, url, folder)[0] == 0
    assert not kept & set(events(log, "asked")[before:])


@pytest.mark.parametrize("name", ["run.json", "sets.jsonl", "config.yaml"])
def test_no_room_for_a_file_beside_the_journal_is_one_line_and_loses_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems, log, folder = runs.write_problems(tmp_path, 3), tmp_path / "server.log", tmp_path / "run"

    def replace(source: Path, target: Path) -> None:
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source))
        os.rename(source, target)

    with serving(log=str(log)) as url:
        with monkeypatch.context() as full:
            full.setattr(os, "replace", replace)
            code, printed = runs.generate_here(problems, url, folder)
        assert (code, is_one_line(printed)) == (2, True), printed
        assert f"cannot write {folder / name}: No space left on device" in printed
        with Journal(folder, read_only=True) as journal:
            kept = {reply.request.key for reply in journal.responses() if reply.ok}
        before = len(events(log, "asked"))
        assert runs.generate_here(problems, url, folder)[0] == 0
    assert not kept & set(events(log, "asked")[before:])
    assert not list(folder.glob(".*.part"))
