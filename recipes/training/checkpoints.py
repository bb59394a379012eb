"""The checkpoints of a run that is under way: which is the newest whole one. Importing this file loads no torch.

What a kill or a full disk has torn is found out by reading it, and passed over; when one is made say `save_steps`,
`save_minutes` and Ctrl-C (`callbacks.Keeping`).
"""

from __future__ import annotations

import json
import os
import platform
import zipfile
from pathlib import Path
from typing import Any

from dataset_builder.core.files import write_json
from dataset_builder.core.locks import born_at, is_alive
from recipes.models.types import CausalLM

CHECKPOINTS = "checkpoints"


PROCESS_FILE = "process.json"


def note_process(output: Path) -> None:
    """Says in the run's folder which process is at work there, until the run's end takes it away."""
    noted = {"host": platform.node(), "pid": os.getpid(), "started": born_at(os.getpid())}
    write_json(output / CHECKPOINTS / PROCESS_FILE, noted)


def is_at_work(output: Path) -> bool:
    """Whether the process that was noted there still runs on this machine."""
    try:
        noted = json.loads((output / CHECKPOINTS / PROCESS_FILE).read_text(encoding="utf-8"))
        return bool(noted["host"] == platform.node() and is_alive(noted["pid"], noted["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def newest_checkpoint(output: Path, end: int) -> Path | None:
    """The newest checkpoint of before update `end` that is whole; a damaged one is passed over, and said.

    From one of the run's last update transformers' Trainer would make an update more.
    """
    from accelerate import PartialState

    folders = {int(path.name.rpartition("-")[2]): path for path in (output / CHECKPOINTS).glob("checkpoint-*")}
    for step in sorted(folders, reverse=True):
        if step >= end:
            continue
        damaged = damaged_file(folders[step])
        if damaged is None:
            return folders[step]
        if PartialState().is_main_process:
            print(f"{folders[step]} is passed over: its {damaged} is missing or damaged", flush=True)
    return None


def damaged_file(folder: Path) -> str | None:
    """The first file of a checkpoint that cannot be read whole; None: it is whole.

    Source: torch.save writes zip files with check sums, and trainer_state.json is the last file that matters here.
    """
    from safetensors import SafetensorError, safe_open

    try:
        json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "trainer_state.json"
    sharded = any(path.is_dir() for path in folder.iterdir())  # FSDP and ZeRO-3 write folders of their own
    if not sharded and not (folder / "optimizer.pt").is_file():
        return "optimizer.pt"
    for path in sorted(folder.iterdir()):
        try:
            if path.suffix == ".safetensors":
                with safe_open(path, framework="pt"):
                    pass
            elif path.suffix in (".pt", ".pth", ".bin"):
                with zipfile.ZipFile(path) as archive:
                    if archive.testzip():
                        return path.name
        except (OSError, SafetensorError, zipfile.BadZipFile):
            return path.name
    return None


def save_model(model: CausalLM, folder: Path) -> None:
    """Weights and configuration; of several adapters the one that is trained, without PEFT's unfilled card."""
    own: dict[str, Any] = {"selected_adapters": ["default"]} if hasattr(model, "peft_config") else {}
    model.save_pretrained(str(folder), **own)
    (folder / "README.md").unlink(missing_ok=True)
