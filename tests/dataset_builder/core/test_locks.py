"""One writer at a time; a file system without locks is told apart from another writer; no `fcntl` is no obstacle."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from dataset_builder.core import locks
from dataset_builder.core.errors import UserError
from dataset_builder.core.locks import is_locked, lock_file, unlock_file
from dataset_builder.llm.journal import Journal
from tests.conftest import ROOT

REMEDY = "wait for it"


def test_a_lock_is_held_once_and_taken_again_when_it_is_given_back(tmp_path: Path) -> None:
    held = lock_file(tmp_path / "j", REMEDY)
    with pytest.raises(UserError, match=f"being written by another run .process {os.getpid()}.; wait for it"):
        lock_file(tmp_path / "j", REMEDY)
    unlock_file(held)
    unlock_file(lock_file(tmp_path / "j", REMEDY))


def test_who_only_looks_sees_the_writer_and_takes_nothing(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "j")
    assert list(tmp_path.iterdir()) == []
    held = lock_file(tmp_path / "j", REMEDY)
    assert is_locked(tmp_path / "j")
    unlock_file(held)
    assert not is_locked(tmp_path / "j")
    unlock_file(lock_file(tmp_path / "j", REMEDY))


def test_a_shorter_process_id_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "j.lock").write_text("12345678901")
    unlock_file(lock_file(tmp_path / "j", REMEDY))
    assert (tmp_path / "j.lock").read_text() == str(os.getpid())


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO])
def test_a_file_system_without_locks_is_told_apart(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    (tmp_path / "journal.sqlite.lock").write_text("4711")
    with pytest.raises(UserError) as caught:
        Journal(tmp_path)
    assert "has no file locks" in str(caught.value)
    assert "--output on a local disk" in str(caught.value)
    assert "another run" not in str(caught.value)


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.EACCES])
def test_another_writer_is_told_apart_from_a_missing_lock(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(UserError, match="being written by another run"):
        Journal(tmp_path)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_lock_file_that_cannot_be_made_is_one_line(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UserError, match=rf"cannot write .*j\.lock: {os.strerror(code)}"):
        lock_file(tmp_path / "j", REMEDY)


class FakeWindows(types.SimpleNamespace):
    """`msvcrt.locking` as Windows has it: one region, held by the descriptor that locked it."""

    LK_NBLCK, LK_UNLCK = 2, 0
    held: int | None = None

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        assert count == 1
        assert os.lseek(descriptor, 0, os.SEEK_CUR) == 1 << 30  # the process id stays readable for others
        if mode == self.LK_UNLCK:
            self.held = None
        elif self.held is not None:
            raise PermissionError(errno.EACCES, "Permission denied")
        else:
            self.held = descriptor


def test_windows_locks_through_its_own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    monkeypatch.setattr(locks, "msvcrt", FakeWindows())
    with Journal(tmp_path), pytest.raises(UserError, match=f"another run .process {os.getpid()}."):
        Journal(tmp_path)
    Journal(tmp_path).close()


def test_a_python_without_any_lock_works_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    Journal(tmp_path).close()
    assert "make sure that no other run writes" in caplog.text


ENTRY_POINTS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("dataset_builder", "recipes", "eval_harness", "model_cards")
    for path in (ROOT / package).rglob("*.py")
    if "\n@entry_point\n" in path.read_text(encoding="utf-8")
)
ELSEWHERE = """
import importlib, sys
import psutil  # its Windows half needs none of these; the half that is installed here does
for name in ("fcntl", "resource", "pwd", "grp", "termios", "readline"):
    sys.modules[name] = None  # as on Windows: importing it fails
import signal
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_every_entry_point_is_imported_where_posix_modules_are_missing() -> None:
    assert len(ENTRY_POINTS) >= 15
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *ENTRY_POINTS], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_only_the_home_of_locks_names_them() -> None:
    named = [
        str(path.relative_to(ROOT))
        for package in ("dataset_builder", "recipes", "eval_harness", "model_cards")
        for path in (ROOT / package).rglob("*.py")
        if "fcntl" in path.read_text(encoding="utf-8") or "msvcrt" in path.read_text(encoding="utf-8")
    ]
    assert named == ["dataset_builder/core/locks.py"]
