"""A table goes between its markers, and nothing else of the file changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from eval_harness.reporting.markers import put_between_markers

TEXT = "# Title\n<!-- demo: start -->\nold\n<!-- demo: end -->\nafter\n"


def test_only_what_stands_between_the_markers_is_replaced(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(TEXT, encoding="utf-8")
    for _ in range(2):
        put_between_markers(readme, "demo", "| new |\n")
        assert readme.read_text(encoding="utf-8") == TEXT.replace("old", "| new |")


@pytest.mark.parametrize("text", ["", "<!-- other: start -->\n<!-- other: end -->", "<!-- demo: start -->\nold"])
def test_a_file_without_both_markers_is_left_alone(tmp_path: Path, text: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="markers"):
        put_between_markers(readme, "demo", "| new |")
    assert readme.read_text(encoding="utf-8") == text
