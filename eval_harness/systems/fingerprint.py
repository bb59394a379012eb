"""A fingerprint of a checkpoint's weights; reads its weight files and needs no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_hub_id
from recipes.models.checkpoint import ADAPTER_FILE, adapter_base, is_adapter

_HASHED_BYTES = 4 * 2**20


def checkpoint_fingerprint(path: Path) -> str:
    """sha256 over a checkpoint's file names, sizes and contents, sub-folders (an ILQL policy's weights) included.

    An adapter's base counts, too.

    Of a file larger than 8 MiB the first and last 4 MiB count, so that a 14 GB model costs no minute. A Hub id's
    fingerprint is that of its name.

    Raises:
        UserError: the folder does not exist although it looks like one, or is an adapter without its base.
    """
    if not path.is_dir():
        _check_hub_id(path, f"no checkpoint {path}; train it first, or give an existing folder or a Hub id")
        return hashlib.sha256(str(path).encode()).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if "checkpoints" not in file.relative_to(path).parts):
        if file.suffix in (".safetensors", ".bin") or file.name in ("config.json", ADAPTER_FILE):
            digest.update(f"{file.relative_to(path)}:{file.stat().st_size}".encode())
            with file.open("rb") as stream:
                digest.update(stream.read(_HASHED_BYTES))
                stream.seek(max(stream.tell(), file.stat().st_size - _HASHED_BYTES))
                digest.update(stream.read())
    if is_adapter(path):
        digest.update(checkpoint_fingerprint(_base_of(path)).encode())
    return digest.hexdigest()


def _base_of(adapter: Path) -> Path:
    base = Path(adapter_base(adapter))
    if not base.is_dir():
        _check_hub_id(base, f"the adapter {adapter} needs its base {base}, which is not there; put it back, or merge")
    return base


def _check_hub_id(path: Path, message: str) -> None:
    if not is_hub_id(str(path)):
        raise UserError(message)
