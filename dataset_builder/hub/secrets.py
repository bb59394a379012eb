"""Finds what must never be published: access tokens, keys, and where and on which machine somebody works.

Looks for well-known forms of secrets, for the very values of this process's own secrets (variables named ..._KEY,
..._TOKEN, ...), for home folders, private addresses and this machine's name. Parquet files are searched in their text
columns, safetensors in their header, images not at all, every other file as it is (of a large one, head and tail). A
finding names the file, the kind and the place, never the secret itself.

    find_secrets([Path("README.md"), Path("facts.json")])  ->  ["facts.json holds a home folder (line 3)"]
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Each begins with its letters and looks back at what stands before them: many times as fast as a leading \b.
PATTERNS = {
    "a Hugging Face token": re.compile(r"hf_(?<!\whf_)[A-Za-z0-9]{20,}"),
    "an API key": re.compile(r"\bsk-[A-Za-z0-9_-]{20,}|\bAIza[0-9A-Za-z_-]{35}\b|\bxox[bapr]-[0-9A-Za-z-]{10,}"),
    "a GitHub token": re.compile(r"g(?<!\wg)(?:h[posru]|ithub_pat)_[A-Za-z0-9_]{20,}"),
    "an AWS key": re.compile(r"AKIA(?<!\wAKIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an Authorization header": re.compile(r"(?i)\bauthorization\W{1,4}bearer\s"),
    "a password in an address": re.compile(r"://(?<=[a-z]{2}://)[^\s/:@\"'<>{}]+:[^\s/@\"'<>{}]{4,}@"),
    "a home folder": re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\{1,2}Users\\{1,2})[A-Za-z0-9._-]+[/\\]|/roo[t]/"),
    "a private address": re.compile(
        r"://(?:(?<=http://)|(?<=https://))(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|[\w.-]+\.(?:internal|local|lan|corp)\b)"
    ),
}
SECRET_NAMES = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
SHORTEST_SECRET = 8
MOST_BYTES = 16 * 2**20
_IMAGES = (".png", ".jpg", ".jpeg", ".webp")


HOME, MACHINE = "your home folder", "this machine's name"
TRACES = ("a home folder", "a private address", HOME, MACHINE)
"""What tells where somebody works, and may be a text's own subject; everything else is a secret."""


@dataclass(frozen=True)
class Finding:
    """Something that is not for the public."""

    path: Path
    """The file."""
    kind: str
    """What it is."""
    place: str
    """Where it stands first: a line, a column, ..."""

    @property
    def is_trace(self) -> bool:
        """Whether a reader may decide that it is harmless."""
        return self.kind in TRACES

    def __str__(self) -> str:
        return f"{self.path.name} holds {self.kind} ({self.place})"


def findings(paths: Iterable[Path]) -> list[Finding]:
    """One per file and kind."""
    patterns = PATTERNS | own_patterns()
    return [Finding(path, kind, place) for path in paths for kind, place in _kinds_in(path, patterns).items()]


def find_secrets(paths: Iterable[Path]) -> list[str]:
    """The findings, a line each, such as "facts.json holds a home folder (line 3)"."""
    return list(map(str, findings(paths)))


def own_patterns() -> dict[str, re.Pattern[str]]:
    """What only this machine can know: the values of its secrets, its user's home folder, its own name."""
    values = {
        value
        for name, value in os.environ.items()
        if SECRET_NAMES.search(name) and len(value) >= SHORTEST_SECRET and not value.isalpha()
    }
    patterns = {}
    if values:
        patterns["the value of one of your secret variables"] = _any_of(values)
    home = str(Path.home())
    if home.count("/") + home.count("\\") > 1:  # "/root" has its pattern above; "/" is everywhere
        patterns[HOME] = _any_of([home])
    host = socket.gethostname().split(".")[0]
    if len(host) >= 5 and re.search(r"[\d-]", host):  # a plain word such as "ubuntu" stands in ordinary text
        patterns[MACHINE] = _any_of([host])
    return patterns


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    return re.compile(r"(?<![\w-])(?:" + "|".join(re.escape(text) for text in sorted(texts)) + r")(?![\w-])")


def _kinds_in(path: Path, patterns: dict[str, re.Pattern[str]]) -> dict[str, str]:
    """Kind -> the first place."""
    found: dict[str, str] = {}
    for place, text in _texts(path):
        for kind, pattern in patterns.items():
            if kind not in found and (match := pattern.search(text)):
                found[kind] = place or f"line {text.count(chr(10), 0, match.start()) + 1}"
    return found


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """(place, text) of each part of a file; an empty place: lines count."""
    if path.suffix in _IMAGES:
        return
    if path.suffix == ".parquet":
        yield from _parquet_texts(path)
    elif path.suffix == ".safetensors":
        yield "its header", _safetensors_metadata(path)
    else:
        with path.open("rb") as file:
            yield "", file.read(MOST_BYTES).decode("utf-8", errors="replace")
            if path.stat().st_size > MOST_BYTES:
                file.seek(max(MOST_BYTES, path.stat().st_size - MOST_BYTES))
                yield "near its end", file.read().decode("utf-8", errors="replace")


def _safetensors_metadata(path: Path) -> str:
    """The header's free texts; the names of the tensors are the model's own."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        text = file.read(min(size, MOST_BYTES)).decode("utf-8", errors="replace")
    try:
        return json.dumps(json.loads(text).get("__metadata__", {}))
    except ValueError:
        return text


def _parquet_texts(path: Path) -> Iterator[tuple[str, str]]:
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(1000):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                yield f"column {name}", "\n".join(dict.fromkeys(_strings(column)))


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
