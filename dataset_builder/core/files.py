"""Files written whole or not at all, JSON and JSON lines, and the sha256 of a file.

A writer fills a temporary sibling and puts it in the file's place at the end, so that a reader, or the next run after
a kill, sees the old content or the new one. Text is read plain or gzipped, in UTF-8 with its mark or without; another
encoding is named (`encodings`). Only a line feed ends a line: a model's text may hold U+2028, which JSON leaves as it
is and `str.splitlines` would cut at.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import logging
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from dataset_builder.core.encodings import BYTE_ORDER_MARK, HEAD_BYTES, foreign_line, foreign_start, whole_characters
from dataset_builder.core.errors import UserError, disk_message

logger = logging.getLogger(__name__)

_GZIP = b"\x1f\x8b"
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


@contextlib.contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which takes the place of `path` when the block ends without an error.

    Raises:
        UserError: the disk is full or takes no files; `path` stays as it was.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
        os.replace(part, path)
    except OSError as error:
        if message := disk_message(OSError(error.errno, error.strerror, str(path))):
            raise UserError(message) from error
        raise
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8, whole or not at all; its folder is made where it is missing."""
    with replaced_file(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any, indent: int | None = 2) -> None:
    """Writes a JSON file, whole or not at all."""
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> int:
    """Writes one JSON value a line, whole or not at all, and returns how many."""
    count = 0
    with replaced_file(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            count += 1
    return count


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """A text file, gzipped (by its first bytes) or plain, in UTF-8 with a byte order mark or without.

    Raises:
        UserError: the file is missing, damaged, or in another encoding, which is named; in the block, too.
    """
    if not path.is_file():
        raise UserError(f"no file {path}")
    try:
        with _open_bytes(path) as raw:
            if wrong := foreign_start(raw.read(HEAD_BYTES)):
                raise UserError(f"{path} {wrong}")
            raw.seek(0)
            with io.TextIOWrapper(raw, encoding="utf-8-sig") as file:
                yield file
    except UnicodeDecodeError as error:
        raise UserError(_foreign(path, error)) from error
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {path}: {error}") from error


def _open_bytes(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        gzipped = file.read(len(_GZIP)) == _GZIP
    return cast(BinaryIO, gzip.open(path, "rb")) if gzipped else path.open("rb")


def _foreign(path: Path, error: UnicodeDecodeError) -> str:
    with _open_bytes(path) as raw:
        line = foreign_line(raw)
    return f"{path}, line {line[0]}: {line[1]}" if line else f"cannot read {path}: {error}"


def read_text(path: Path) -> str:
    """The text of a file, plain or gzipped; errors as of `open_text`."""
    with open_text(path) as file:
        return file.read()


def parse_json_object(line: str, **numbers: Any) -> dict[str, Any]:
    """The JSON object of one line; half a character in it reads as U+FFFD.

    Args:
        line: its text.
        numbers: `parse_float` and `parse_int` of `json.loads`.

    Raises:
        ValueError: the line is no JSON, or no object; the message says which.
    """
    try:
        row = json.loads(line, **numbers)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(row, dict):
        raise ValueError(f"expected a JSON object, found {line.strip()[:40]!r}")
    return whole_characters(row) if _HALF.search(line) else row


def iterate_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The number (from 1) and the text of each line that is not blank, of a file plain or gzipped.

    A byte order mark may begin any line: files that were put together have one in their middle.

    Raises:
        UserError: the file is missing, damaged, or in another encoding.
    """
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if text := line.removeprefix(BYTE_ORDER_MARK).strip():
                yield number, text


def iterate_jsonl(path: Path, **numbers: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The line number (from 1) and the object of each line that is not blank, read one at a time.

    Args:
        path: JSON lines, plain or gzipped.
        numbers: `parse_float` and `parse_int` of `json.loads`.

    Raises:
        UserError: the file is missing, damaged or in another encoding, or a line is no JSON object; the line is named.
    """
    halves = 0
    for number, line in iterate_lines(path):
        try:
            row = parse_json_object(line, **numbers)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}; expected one object a line") from error
        halves += bool(_HALF.search(line)) and "\ufffd" in str(row)
        yield number, row
    if halves:
        logger.warning("%s: %d rows hold half a character (an unpaired surrogate), read as U+FFFD", path, halves)


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON lines file, plain or gzipped.

    Raises:
        UserError: the file is missing, damaged or empty, or a line of it is no JSON object.
    """
    rows = [row for _, row in iterate_jsonl(path)]
    if not rows:
        raise UserError(f"{path} holds no rows")
    return rows


def file_sha256(path: Path) -> str:
    """The sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
