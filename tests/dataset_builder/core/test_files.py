"""Files are replaced whole, and a line of JSON lines ends at a line feed alone."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import (
    file_sha256,
    iterate_jsonl,
    read_jsonl,
    replaced_file,
    write_json,
    write_jsonl,
    write_text,
)


def test_a_writer_that_fails_leaves_the_old_content_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError), replaced_file(path) as file:
        file.writelines([b"half", None])  # type: ignore[list-item]
    assert path.read_text(encoding="utf-8") == '{\n  "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_content_and_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(UserError, match=r"cannot write .*a\.json: No space left"), replaced_file(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(ConnectionResetError), replaced_file(path):
        raise ConnectionResetError(errno.ECONNRESET, "what fills the file has errors of its own")
    assert path.read_text(encoding="utf-8") == '{\n  "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_json_lines_that_fail_in_the_middle_leave_the_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert write_jsonl(path, [{"a": 1}, {"a": 2}]) == 2
    with pytest.raises(TypeError):
        write_jsonl(path, [{"a": 3}, {"a": object()}])
    assert read_jsonl(path) == [{"a": 1}, {"a": 2}]


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "down" / "a.txt", "\u00e9")
    assert (tmp_path / "deep" / "down" / "a.txt").read_bytes() == b"\xc3\xa9"


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    rows = [{"text": "a\u2028b\u2029c\x85d\re"}, {"text": "\n"}]
    write_jsonl(tmp_path / "a.jsonl", rows)
    assert read_jsonl(tmp_path / "a.jsonl") == rows


def test_gzipped_and_plain_files_read_alike(tmp_path: Path) -> None:
    text = '{"problem": "a"}\n\n{"problem": "b"}\n'
    (tmp_path / "a.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    rows = [(1, {"problem": "a"}), (3, {"problem": "b"})]
    assert list(iterate_jsonl(tmp_path / "a.jsonl")) == list(iterate_jsonl(tmp_path / "a.jsonl.gz")) == rows


def test_numbers_can_be_kept_as_their_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"answer": -9867630.0, "n": 2}\n', encoding="utf-8")
    assert list(iterate_jsonl(tmp_path / "a.jsonl", parse_float=str)) == [(1, {"answer": "-9867630.0", "n": 2})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no rows"),
        (b'{"a": 1}\nnot json\n', "line 2: not JSON"),
        (b"[1]\n", "line 1: expected a JSON object"),
        (b"\x1f\x8bnot gzip", "cannot read"),
        (b'{"a": "\xff"}\n', "line 1: not UTF-8"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_jsonl(path)


def test_the_hash_is_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a\r\n")
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"a\r\n").hexdigest()
