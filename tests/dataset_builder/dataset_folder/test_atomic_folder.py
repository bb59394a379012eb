"""A folder is replaced whole or not at all, and nothing of the user is deleted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.atomic_folder import replaced_folder


def ours(folder: Path) -> bool:
    return (folder / "mark").is_file()


def fill(target: Path, text: str) -> None:
    with replaced_folder(target, ours) as folder:
        (folder / "mark").write_text(text)


def fail_half_way(target: Path) -> None:
    with replaced_folder(target, ours) as folder:
        (folder / "mark").write_text("half")
        raise RuntimeError


def test_folder_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    fill(target, "old")
    (target / "leftover").write_text("x")
    fill(target, "new")
    assert [path.name for path in target.iterdir()] == ["mark"]
    assert (target / "mark").read_text() == "new"


def test_failure_keeps_the_old_folder_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "out"
    fill(target, "old")
    with pytest.raises(RuntimeError):
        fail_half_way(target)
    assert (target / "mark").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_file_in_the_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match="no folder"):
        fill(tmp_path / "out", "new")


def test_empty_folder_may_be_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out", "new")
    assert ours(tmp_path / "out")


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_leftover_of_a_killed_build_is_removed_and_a_running_ones_kept(tmp_path: Path) -> None:
    dead, running = tmp_path / f".out.building-{dead_pid()}", tmp_path / f".out.building-{os.getppid()}"
    dead.mkdir()
    running.mkdir()
    fill(tmp_path / "out", "new")
    assert not dead.exists()
    assert running.exists()


def test_old_folder_of_a_build_killed_between_the_renames_comes_back(tmp_path: Path) -> None:
    old = tmp_path / f".out.old-{dead_pid()}"
    old.mkdir()
    (old / "mark").write_text("old")
    with pytest.raises(RuntimeError):
        fail_half_way(tmp_path / "out")
    assert (tmp_path / "out" / "mark").read_text() == "old"
