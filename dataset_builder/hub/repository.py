"""What a repository on the Hub holds, and how local files differ from it, in lines a person reads.

model org/decomposer at 3f9c0c1d2e4a, private
+ adapter_model.safetensors (312.4 kB)
~ README.md (9.1 kB)
    -license: mit
    +license: apache-2.0
- old.safetensors
"""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["dataset", "model", "space"]
TEXT_SUFFIXES = (".md", ".yaml", ".yml", ".json", ".txt", ".py")
MOST_CHANGED_LINES = 20


@dataclass(frozen=True)
class Remote:
    """What the Hub holds now."""

    head: str | None = None
    """The newest commit; None: no repository."""
    hashes: dict[str, str] = field(default_factory=dict)
    """By path: what the content is."""
    tags: tuple[str, ...] = ()
    """Their names."""
    private: bool = True
    """Whether others cannot see it."""
    not_asked: str = ""
    """Why nothing is known of it: a dry run goes on without the Hub."""


@dataclass(frozen=True)
class Diff:
    """Paths by what a push would do to them."""

    added: list[str]
    """Not on the Hub."""
    changed: list[str]
    """Other content on the Hub."""
    removed: list[str]
    """Ours on the Hub, and no longer here."""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def read_remote(api: Any, kind: Kind, repo: str) -> Remote:
    """What the Hub holds now."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        info = api.repo_info(repo, repo_type=kind)
    except RepositoryNotFoundError:
        return Remote()
    tags = tuple(tag.name for tag in api.list_repo_refs(repo, repo_type=kind).tags)
    return Remote(info.sha, remote_hashes(api, kind, repo, info.sha), tags, bool(info.private))


def remote_hashes(api: Any, kind: Kind, repo: str, revision: str) -> dict[str, str]:
    """The content hash of each file at a revision: sha256 for a large file, git's blob id for another.

    Args:
        api: the Hub's client.
        kind: model, dataset or space.
        repo: org/name.
        revision: a branch, tag or commit.
    """
    tree = api.list_repo_tree(repo, repo_type=kind, recursive=True, revision=revision)
    files = [entry for entry in tree if hasattr(entry, "blob_id")]
    return {entry.path: entry.lfs.sha256 if entry.lfs else entry.blob_id for entry in files}


def content_hashes(path: Path) -> tuple[str, str]:
    """(sha256 as LFS names a file, sha1 as git names a blob): the Hub gives one of them."""
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as file:
        while block := file.read(2**20):
            sha256.update(block)
            sha1.update(block)
    return sha256.hexdigest(), sha1.hexdigest()


def compare(files: Mapping[str, Path], hashes: Mapping[str, str], managed: Sequence[str] = ()) -> Diff:
    """What a push would add, change and remove.

    Args:
        files: local files by their path in the repository.
        hashes: the repository's content hashes by path.
        managed: patterns of paths that are ours alone; there, what we no longer have is removed.
    """
    own = {name: content_hashes(path) if name in hashes else () for name, path in files.items()}
    ours = {name for name in hashes if any(fnmatch.fnmatch(name, pattern) for pattern in managed)}
    return Diff(
        added=[name for name in own if name not in hashes],
        changed=[name for name in own if name in hashes and hashes[name] not in own[name]],
        removed=sorted(ours - set(own)),
    )


def diff_lines(diff: Diff, files: Mapping[str, Path], read: Callable[[str], str]) -> list[str]:
    """The diff as lines: + added, ~ changed (with the changed lines of a text), - removed.

    Args:
        read: gives the Hub's text of a path.
    """
    lines = [f"+ {name} ({_size(files[name])})" for name in diff.added]
    for name in diff.changed:
        lines.append(f"~ {name} ({_size(files[name])})")
        if files[name].suffix in TEXT_SUFFIXES:
            lines += changed_lines(read(name), files[name].read_text(encoding="utf-8"))
    return [*lines, *[f"- {name}" for name in diff.removed]] or ["no file differs from the Hub's"]


def changed_lines(before: str, after: str) -> list[str]:
    """The lines that differ between two texts, indented, the first few of them."""
    diff = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    changed = [f"    {line[:160]}" for line in diff if not line.startswith("@@")]
    more = len(changed) - MOST_CHANGED_LINES
    return changed[:MOST_CHANGED_LINES] + ([f"    ... and {more} more lines"] if more > 0 else [])


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1000:,.1f} kB"
