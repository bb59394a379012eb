"""The checkpoints of a run that is under way: which is the newest that a killed run can resume from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recipes.models.types import CausalLM

CHECKPOINTS = "checkpoints"


def newest_checkpoint(output: Path, end: int) -> Path | None:
    """The newest checkpoint of before update `end` that was written whole; a half-written one is passed over.

    From one of the run's last update transformers' Trainer would make an update more.
    """
    folders = {int(path.name.rpartition("-")[2]): path for path in (output / CHECKPOINTS).glob("checkpoint-*")}
    before = (folders[step] for step in sorted(folders, reverse=True) if step < end)
    return next((folder for folder in before if _is_whole(folder)), None)


def _is_whole(folder: Path) -> bool:
    """trainer_state.json is the last file of a checkpoint that matters here, so a readable one means all are there."""
    try:
        json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def save_model(model: CausalLM, folder: Path) -> None:
    """Weights and configuration; of several adapters the one that is trained, without PEFT's unfilled card."""
    own: dict[str, Any] = {"selected_adapters": ["default"]} if hasattr(model, "peft_config") else {}
    model.save_pretrained(str(folder), **own)
    (folder / "README.md").unlink(missing_ok=True)
