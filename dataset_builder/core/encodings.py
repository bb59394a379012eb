"""Which encoding a file is in: UTF-8 is read, with its mark or without; anything else is named, with what to do.

problems.jsonl is in UTF-16 (little-endian), not UTF-8; save it as UTF-8, for instance with ...
problems.jsonl, line 3: not UTF-8 but perhaps Windows-1252; save it as UTF-8, for instance with ...
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable
from typing import Any

BYTE_ORDER_MARK = "\ufeff"
HEAD_BYTES = 16
"""How much of a file's start tells what it is."""

_NAMES = {
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "utf-32": "UTF-32",
    "utf-32-le": "UTF-32 (little-endian)",
    "utf-32-be": "UTF-32 (big-endian)",
}
_NO_TEXT = {
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip archive (an .xlsx is one, too)",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ\x00": "compressed by xz",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF",
    b"ARROW1": "an Arrow file",
}
_HALF = re.compile("[\ud800-\udfff]")
_FEW = 0.2


def foreign_start(head: bytes) -> str | None:
    """What is wrong with a text file that begins like this; None where it may be UTF-8.

    >>> foreign_start('{"question"'.encode("utf-16-be"))
    'is in UTF-16 (big-endian), not UTF-8; save it as UTF-8, for instance with `iconv -f UTF-16BE -t UTF-8`'
    """
    for magic, name in _NO_TEXT.items():
        if head.startswith(magic):
            return f"is no text but {name}; give a text file in UTF-8, plain or gzipped"
    encoding: str = json.detect_encoding(head)
    if encoding not in _NAMES:
        return None
    if encoding in ("utf-16", "utf-32"):
        big = head.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))
        encoding += "-be" if big else "-le"
    return f"is in {_NAMES[encoding]}, not UTF-8; {_remedy(encoding)}"


def foreign_line(lines: Iterable[bytes]) -> tuple[int, str] | None:
    """The number (from 1) of the first line that is no UTF-8, and what is wrong with it; None where all are."""
    bad: list[bytes] = []
    first = 0
    for number, line in enumerate(lines, start=1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            if not bad and error.reason == "unexpected end of data":
                return number, "ends in the middle of a character; the file seems to be cut off"
            first = first or number
            bad.append(line)
            if len(bad) == 100:
                break
    return (first, _wrong_bytes(b"".join(bad))) if bad else None


def _wrong_bytes(text: bytes) -> str:
    try:
        text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        name = _guess(text)
        return f"not UTF-8{f' but perhaps {name}' if name else ''}; {_remedy(name)}"
    return "half a character (an unpaired surrogate, written as bytes); mend or drop the line"


def _guess(text: bytes) -> str:
    """The encoding that bytes may be in: a western one where letters with accents are few, else a library's guess."""
    from charset_normalizer import from_bytes

    high = sum(byte > 127 for byte in text)
    if high <= _FEW * len(text):
        try:
            text.decode("cp1252")
        except UnicodeDecodeError:
            pass
        else:
            return "Windows-1252"
    best = from_bytes(text).best()
    return best.encoding if best else ""


def _remedy(encoding: str) -> str:
    source = encoding.upper().replace("UTF-16-", "UTF-16").replace("UTF-32-", "UTF-32") or "..."
    return f"save it as UTF-8, for instance with `iconv -f {source} -t UTF-8`"


def whole_characters(value: Any) -> Any:
    """A value out of JSON or YAML with each half of a character ("\\ud83d" alone) as U+FFFD; no file can hold it.

    Two halves that belong together, which YAML leaves apart, are one character.

    >>> whole_characters({"question": "3 pens \\ud83d ?"}) == {"question": "3 pens \\ufffd ?"}
    True
    """
    if isinstance(value, str):
        if not _HALF.search(value):
            return value
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {whole_characters(key): whole_characters(item) for key, item in value.items()}
    return value
