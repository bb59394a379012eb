"""Builds a folder beside its place and swaps it in whole, so that an interruption never leaves half a folder."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from dataset_builder.core.errors import UserError


@contextlib.contextmanager
def replaced_folder(place: Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Gives an empty sibling folder to fill; when the block ends well it takes the place of `place`.

    When the block fails, `place` stays as it was. Leftovers of builds that were killed are removed first.

    Raises:
        UserError: `place` exists and is not ours (and not empty): it is never deleted.
    """
    place = place.absolute()
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise UserError(f"{place} is no folder; give --output another name")
    if place.is_dir() and any(place.iterdir()) and not is_ours(place):
        raise UserError(
            f"{place} holds files that no build of ours wrote, so it is not replaced; give --output another folder or "
            "move these files away"
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(place)
    building = place.with_name(f".{place.name}.building-{os.getpid()}")
    building.mkdir()
    try:
        yield building
        _swap(building, place)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _swap(building: Path, place: Path) -> None:
    if not place.exists():
        building.rename(place)
        return
    old = place.with_name(f".{place.name}.old-{os.getpid()}")
    place.rename(old)
    try:
        building.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old)


def _remove_leftovers(place: Path) -> None:
    """Folders of builds that no longer run; one that was killed between the two renames gives its old folder back."""
    for kind in ("old", "building"):
        for leftover in place.parent.glob(f".{place.name}.{kind}-*"):
            if _is_running(leftover.name.rpartition("-")[2]):
                continue
            if kind == "old" and not place.exists():
                leftover.rename(place)
            else:
                shutil.rmtree(leftover)


def _is_running(pid: str) -> bool:
    import psutil

    return pid.isdecimal() and psutil.pid_exists(int(pid))
