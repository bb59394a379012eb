"""What is drawn from the code is as the code is today; README's Python does what it says; the forms are forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.docs.blocks import blocks_of
from tests.golden import write_house, write_papers

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


@pytest.mark.parametrize(
    ("page", "marker", "made", "command"),
    [
        ("architecture", "house", write_house.table, "write_house"),
        ("papers", "paper-a", lambda: write_papers.table(write_papers.PAPER_A), "write_papers"),
        ("papers", "paper-b", lambda: write_papers.table(write_papers.PAPER_B), "write_papers"),
    ],
)
def test_a_generated_table_is_of_today(page: str, marker: str, made: Callable[[], str], command: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").partition(f"<!-- {marker}: start -->")[2]
    assert text.partition(f"<!-- {marker}: end -->")[0].strip() == made(), f"python -m tests.golden.{command}"


def test_the_picture_shows_the_folders_of_today() -> None:
    assert write_house.PICTURE.read_text(encoding="utf-8") == write_house.picture(), (
        "python -m tests.golden.write_house"
    )


def test_readmes_python_asks_solves_and_scores(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = [block for block in blocks_of(ROOT / "README.md") if block.language == "python"]
    assert len([line for line in block.text.splitlines() if line]) <= 10
    exec(compile(block.text, "README.md", "exec"), names := {})
    assert names["solution"].verdict == "correct"
    assert 0 < names["pair"].low <= names["pair"].accuracy <= names["pair"].high < 1
    assert "How many drums does Emil have?" in capsys.readouterr().out


@pytest.mark.parametrize("path", [path for path in FORMS if path.stem != "config"], ids=lambda path: path.stem)
def test_an_issue_form_has_what_a_form_needs(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form)
    assert len({part["id"] for part in form["body"]}) == len(form["body"])
    assert all(part["attributes"]["label"] for part in form["body"])
