"""The checkpoints of a run that is under way: which is the newest that a killed run can go on from."""

from __future__ import annotations

import json
from pathlib import Path

CHECKPOINTS = "checkpoints"


def newest_checkpoint(output: Path) -> Path | None:
    """The newest checkpoint that was written to its end; a half-written one, of a killed run, is passed over."""
    folders = sorted(
        (folder for folder in (output / CHECKPOINTS).glob("checkpoint-*") if folder.is_dir()),
        key=lambda folder: int(folder.name.rpartition("-")[2]),
        reverse=True,
    )
    return next((folder for folder in folders if _is_whole(folder)), None)


def _is_whole(folder: Path) -> bool:
    """trainer_state.json is the last file of a checkpoint that matters here, so a readable one means all are there."""
    try:
        json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
