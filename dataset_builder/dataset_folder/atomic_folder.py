"""Builds a folder beside its target and swaps it in whole, so that an interruption never leaves half a folder."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from dataset_builder.core.errors import UserError


@contextlib.contextmanager
def replaced_folder(target: Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Gives an empty sibling folder to fill; when the block ends well it replaces `target`.

    When the block fails, `target` stays as it was. Leftovers of builds that were killed are removed first.

    Raises:
        UserError: `target` exists and is not ours (and not empty): it is never deleted.
    """
    target = target.absolute()
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UserError(f"{target} is no folder; give --output another name")
    if target.is_dir() and any(target.iterdir()) and not is_ours(target):
        raise UserError(
            f"{target} holds files that no build of ours wrote, so it is not replaced; give --output another folder "
            "or move these files away"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    building = target.with_name(f".{target.name}.building-{os.getpid()}")
    building.mkdir()
    try:
        yield building
        _swap(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _swap(building: Path, target: Path) -> None:
    if not target.exists():
        building.rename(target)
        return
    old = target.with_name(f".{target.name}.old-{os.getpid()}")
    target.rename(old)
    try:
        building.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old)


def _remove_leftovers(target: Path) -> None:
    """Folders of builds that no longer run; one that was killed between the two renames gives its old folder back."""
    for kind in ("old", "building"):
        for leftover in target.parent.glob(f".{target.name}.{kind}-*"):
            if _is_running(leftover.name.rpartition("-")[2]):
                continue
            if kind == "old" and not target.exists():
                leftover.rename(target)
            else:
                shutil.rmtree(leftover)


def _is_running(pid: str) -> bool:
    import psutil

    return pid.isdecimal() and psutil.pid_exists(int(pid))
