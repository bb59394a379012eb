"""What a push would change, compared by the Hub's own content hashes."""

from __future__ import annotations

from pathlib import Path

from dataset_builder.hub.repository import changed_lines, compare, content_hashes, diff_lines


def test_comparison_knows_git_and_lfs_hashes_and_leaves_foreign_files_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"hello\n")
    sha256, sha1 = content_hashes(path)
    assert sha1 == "ce013625030ba8dba906f756967f9e9ca394464a"  # git hash-object of "hello\\n"
    hashes = {"a": sha1, "b": sha256, "data/gone": "x", "mine.txt": "y"}
    diff = compare({"a": path, "b": path, "c": path}, hashes, managed=("data/*",))
    assert (diff.added, diff.changed, diff.removed) == (["c"], [], ["data/gone"])
    assert not compare({"a": path}, hashes)


def test_changed_text_is_shown_line_by_line_and_a_changed_binary_by_name(tmp_path: Path) -> None:
    card, weights = tmp_path / "README.md", tmp_path / "model.safetensors"
    card.write_text("# A\nlicense: apache-2.0\n")
    weights.write_bytes(b"12")
    files = {"README.md": card, "model.safetensors": weights}
    diff = compare(files, {"README.md": "other", "model.safetensors": "other", "old.bin": "x"}, managed=("*.bin",))
    lines = diff_lines(diff, files, lambda name: {"README.md": "# A\nlicense: mit\n"}[name])
    assert lines == [
        "~ README.md (0.0 kB)",
        "    -license: mit",
        "    +license: apache-2.0",
        "~ model.safetensors (0.0 kB)",
        "- old.bin",
    ]


def test_long_change_is_cut_and_says_by_how_much() -> None:
    lines = changed_lines("", "\n".join(str(number) for number in range(30)))
    assert lines[0] == "    +0"
    assert lines[-1] == "    ... and 10 more lines"
