"""Finds what must never be published: access tokens, and paths of somebody's home folder.

Text files are searched as they are, parquet files in their text columns. A finding names the file and the kind, never
the secret itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PATTERNS = {
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{20,}"),
    "an API key": re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"),
    "a GitHub token": re.compile(r"\b(?:ghp|gho|ghs|github_pat)_[A-Za-z0-9_]{20,}"),
    "an AWS key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "an Authorization header": re.compile(r"(?i)\bauthorization\W{1,4}bearer\s"),
    "a home folder": re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\Users\\)[A-Za-z0-9._-]+[/\\]|/root/"),
}
_TEXT_SUFFIXES = (".md", ".json", ".jsonl", ".svg", ".txt", ".yaml", ".yml", ".csv", ".jinja", ".html", ".py")


def find_secrets(paths: Iterable[Path]) -> list[str]:
    """One line per file and kind of finding, such as "facts.json holds a home folder"."""
    return [f"{path.name} holds {kind}" for path in paths for kind in _kinds_in(path)]


def _kinds_in(path: Path) -> list[str]:
    found: dict[str, None] = {}
    for text in _texts(path):
        found.update((kind, None) for kind, pattern in PATTERNS.items() if pattern.search(text))
    return list(found)


def _texts(path: Path) -> Iterator[str]:
    if path.suffix in _TEXT_SUFFIXES:
        yield path.read_text(encoding="utf-8", errors="replace")
    elif path.suffix == ".parquet":
        import pyarrow.parquet as parquet

        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(1000):
                for column in batch.columns:
                    yield "\n".join(_strings(column))


def _strings(array: Any) -> Iterator[str]:
    """The texts of an Arrow array, however deep they lie in lists and structs."""
    import pyarrow

    kind = array.type
    if pyarrow.types.is_struct(kind):
        for field in array.flatten():
            yield from _strings(field)
    elif pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
        yield from _strings(array.flatten())
    elif pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        yield from (text for text in array.to_pylist() if text)
