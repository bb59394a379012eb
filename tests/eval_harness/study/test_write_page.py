"""A page is made of hand-made records: claims, tables, figures, cost, what is missing; it asks for nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from eval_harness.study.expand import steps_of
from eval_harness.study.plan import freeze, write_plan
from eval_harness.study.write_page import folders_of, write_study_page
from tests.support.made_study import made_study


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    study, folders = made_study(folder)
    write_study_page(study, "embedded", folders, folder / "out")
    return folder / "out"


def test_markdown_and_html_say_the_same_of_every_claim(written: Path) -> None:
    for name in ("page.md", "page.html"):
        text = (written / name).read_text(encoding="utf-8")
        for outcome in ("holds", "does not hold", "not distinguishable", "not run"):
            assert outcome in text, (name, outcome)
        assert "bc beats none" in text
    assert [item["verdict"] for item in json.loads((written / "claims.json").read_text())][:2] == [
        "holds",
        "does not hold",
    ]


def test_the_table_has_a_column_per_backbone_and_what_the_paper_prints(written: Path) -> None:
    lines = (written / "page.md").read_text(encoding="utf-8").splitlines()
    head = next(line for line in lines if line.startswith("| solver"))
    assert [cell.strip() for cell in head.strip("|").split("|")][2:5] == ["the paper", "small", "big"]
    (bc,) = [line for line in lines if line.startswith("| s ") and "| bc " in line]
    assert "67.5 (70, 65)" in bc
    assert ".476" in bc


def test_claims_of_other_scales_are_said_in_one_line_and_a_scales_own_stand_in_the_studys_place(written: Path) -> None:
    text = (written / "page.md").read_text(encoding="utf-8")
    assert "which lacks the evaluations other: 1 further claim of the study." in text
    assert "another scale's" not in text
    assert "none takes fewer tokens" in text
    assert "none is longer" not in text


def test_sub_questions_are_measured_in_a_table_of_both_pages(written: Path) -> None:
    for name in ("page.md", "page.html"):
        text = (written / name).read_text(encoding="utf-8")
        assert all(part in text for part in ("What is asked", "bc small seed 0", "0.10 (0.04 - 0.23)")), name


def test_what_has_not_run_is_named(written: Path) -> None:
    assert "Not run: evaluate main bc big seed 1" in (written / "page.md").read_text(encoding="utf-8")


def test_the_page_is_one_file_that_runs_nothing_and_asks_for_nothing(written: Path) -> None:
    text = (written / "page.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert set(re.findall(r'src="([^,]{4})', text)) == {"data"}
    assert "://" not in re.sub(r"data:image/png;base64,[^\"]*", "", text)
    assert "A made-up study &lt;i&gt;" in text


def test_folders_are_given_or_read_from_a_plan(tmp_path: Path) -> None:
    study, _ = made_study(tmp_path)
    write_plan(freeze(steps_of(study, "embedded"), tmp_path / "run"))
    folders = folders_of(study, "embedded", [], str(tmp_path / "run"))
    assert folders["evaluate main"].parent == tmp_path / "run" / "steps"
    assert folders_of(study, "embedded", list(map(str, folders.values())), "") == folders
    with pytest.raises(UserError, match="steps to read, found 1"):
        folders_of(study, "embedded", ["one"], "")
    with pytest.raises(UserError, match="--plan"):
        folders_of(study, "embedded", [], "")


def test_problems_seen_before_are_told_once_for_all_who_saw_them(tmp_path: Path) -> None:
    study, folders = made_study(tmp_path)
    for step, near in (("small seed 0", 1), ("small seed 1", 1), ("big seed 0", 2)):
        (path,) = (folders[f"evaluate main bc {step}"] / "results").glob("*.json")
        content = json.loads(path.read_text())
        seen = {"same": 0, "near": near, "chosen_by": 0, "unknown_start": "", "problems": ["p1"]}
        accuracy = {"small seed 0": 0.7, "small seed 1": 0.65, "big seed 0": 0.9}[step]
        nothing = seen | {"near": 0, "problems": []}
        elsewhere = accuracy + (0.02 if step == "small seed 1" else 0.001)
        content["overlap"] = {
            "decomposer": seen, "solver": None, "prompts": nothing, "accuracy_elsewhere": elsewhere
        }  # fmt: skip
        path.write_text(json.dumps(content))
    write_study_page(study, "embedded", folders, tmp_path / "out")
    text = (tmp_path / "out" / "page.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if " alike " in line]
    assert rows == [["main", "bc", "1 alike", "2.0 points"], ["main", "bc", "2 alike", "0.1 points"]]


def test_where_nothing_was_seen_nothing_is_told(written: Path) -> None:
    assert "Problems seen before" not in (written / "page.md").read_text(encoding="utf-8")


def test_every_state_of_the_code_that_scored_is_named(tmp_path: Path) -> None:
    study, folders = made_study(tmp_path)
    (path,) = (folders["evaluate main bc big seed 0"] / "results").glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"commit": "d" * 40, "dirty": True}))
    write_study_page(study, "embedded", folders, tmp_path / "out")
    text = (tmp_path / "out" / "page.md").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("Scored ")]
    first, second = line.partition(", commit ")[2].partition(";")[0].split(", ")
    assert (first != second, second) == (True, "dddddddddddd with changes")
