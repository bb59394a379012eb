"""What a checkpoint folder says of itself: its training record, and a fingerprint of its weights.

Reads `train_record.json` (written by `recipes.train`) and the weight files; needs no torch.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_hub_id

_HASHED_BYTES = 4 * 2**20
_ADAPTER_FILE = "adapter_config.json"


def train_record(path: Path) -> dict[str, Any]:
    """What the training run says of itself; {} for a checkpoint of other origin or a Hub id.

    Raises:
        UserError: the record is damaged.
    """
    record = path / "train_record.json"
    if not record.is_file():
        return {}
    try:
        return dict(json.loads(record.read_text(encoding="utf-8")))
    except ValueError as error:
        raise UserError(f"{record} is not JSON ({error}); train the checkpoint again") from error


def checkpoint_fingerprint(path: Path) -> str:
    """sha256 over a checkpoint's file names, sizes and contents, sub-folders (an ILQL policy's weights) included.

    An adapter's base counts, too.

    Of a file larger than 8 MiB the first and last 4 MiB count, so that a 14 GB model costs no minute. A Hub id's
    fingerprint is that of its name.

    Raises:
        UserError: the folder does not exist although it looks like one, or is an adapter whose base is gone.
    """
    if not path.is_dir():
        _check_hub_id(path, f"no checkpoint {path}; train it first, or give an existing folder or a Hub id")
        return hashlib.sha256(str(path).encode()).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if "checkpoints" not in file.relative_to(path).parts):
        if file.suffix in (".safetensors", ".bin") or file.name in ("config.json", _ADAPTER_FILE):
            digest.update(f"{file.relative_to(path)}:{file.stat().st_size}".encode())
            with file.open("rb") as stream:
                digest.update(stream.read(_HASHED_BYTES))
                stream.seek(max(stream.tell(), file.stat().st_size - _HASHED_BYTES))
                digest.update(stream.read())
    if (path / _ADAPTER_FILE).is_file():
        digest.update(checkpoint_fingerprint(_adapter_base(path)).encode())
    return digest.hexdigest()


def _adapter_base(path: Path) -> Path:
    """An adapter's base: as recorded, or seen from the adapter, so that a moved pair of folders still works."""
    try:
        values = json.loads((path / _ADAPTER_FILE).read_text(encoding="utf-8"))
        base = Path(values["base_model_name_or_path"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path / _ADAPTER_FILE} is damaged; train the adapter again") from error
    for candidate in (base, path / base, *(parent / base.name for parent in path.resolve().parents[:2])):
        if (candidate / "config.json").is_file():
            return candidate
    _check_hub_id(base, f"the adapter {path} needs its base {base}, which is not there; put it back, or merge")
    return base


def _check_hub_id(path: Path, message: str) -> None:
    if not is_hub_id(str(path)):
        raise UserError(message)
