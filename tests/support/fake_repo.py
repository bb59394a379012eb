"""One repository of the loopback Hub: its commits, branches and tags, and how the Hub's API lists its files."""

from __future__ import annotations

import hashlib
import json
from typing import Any

LFS_SUFFIXES = (".parquet", ".safetensors", ".png", ".bin", ".arrow", ".gguf")


class Repo:
    """One repository: its commits (each a whole tree), branches and tags."""

    def __init__(self, private: bool = False, sdk: str | None = None, hardware: str | None = None) -> None:
        self.private = private
        self.sdk = sdk
        self.hardware = hardware
        self.commits: dict[str, dict[str, bytes]] = {"0" * 40: {}}
        self.branches = {"main": "0" * 40}
        self.tags: dict[str, str] = {}

    def commit_of(self, revision: str) -> str | None:
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        return oid if oid in self.commits else None

    def files(self, revision: str = "main") -> dict[str, bytes]:
        oid = self.commit_of(revision)
        return dict(self.commits[oid]) if oid else {}

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        text = json.dumps([len(self.commits), sorted((name, sha256_of(data)) for name, data in files.items())])
        oid = hashlib.sha1(text.encode()).hexdigest()
        self.commits[oid] = files
        self.branches[branch] = oid
        return oid


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def upload_mode(path: str) -> str:
    return "lfs" if path.endswith(LFS_SUFFIXES) else "regular"


def ref_entry(kind: str, name: str, oid: str) -> dict[str, str]:
    return {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}


def folders_of(files: dict[str, bytes]) -> list[str]:
    return sorted({"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)})


def listing(files: dict[str, bytes], prefix: str, recursive: bool) -> list[str]:
    names = sorted(name for name in [*files, *folders_of(files)] if name.startswith(prefix))
    return [name for name in names if recursive or "/" not in name.removeprefix(prefix)]


def file_entry(name: str, files: dict[str, bytes]) -> dict[str, Any]:
    if name not in files:
        return {"type": "directory", "oid": hashlib.sha1(name.encode()).hexdigest(), "size": 0, "path": name}
    data = files[name]
    blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    entry = {"type": "file", "oid": blob, "size": len(data), "path": name}
    return entry | (
        {"lfs": {"oid": sha256_of(data), "size": len(data), "pointerSize": 134}} if upload_mode(name) == "lfs" else {}
    )
