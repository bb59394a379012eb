"""The page of a run as a file: what it holds, what it escapes, and what the command refuses."""

from __future__ import annotations

import html.parser
import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval_harness.browse import main
from eval_harness.records.overlap import Overlap, Seen
from eval_harness.records.problems import write_problems
from eval_harness.records.rows import PairRow, load_rows
from eval_harness.reporting.run_report import write_report
from eval_harness.reporting.tables import markdown_table
from eval_harness.reporting.viewer import page_data, render_page, script_safe_json, write_page
from tests.support.eval_runs import NASTY, make_problems, write_run


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    write_run(tmp_path, 45, {"none": [*range(20), 44], "bc": [4, 44]})
    return tmp_path


class _Scripts(html.parser.HTMLParser):
    """Every tag with its attributes, and the text of each script."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.scripts += [""] if tag == "script" else []

    def handle_data(self, data: str) -> None:
        if self.get_starttag_text() and self.tags[-1][0] == "script":
            self.scripts[-1] += data


def test_a_text_that_looks_like_markup_stays_text(run_folder: Path) -> None:
    page = write_page(load_rows(run_folder), run_folder, "none").read_text(encoding="utf-8")
    parser = _Scripts()
    parser.feed(page)
    assert len([tag for tag, _ in parser.tags if tag == "script"]) == 2
    assert "img" not in {tag for tag, _ in parser.tags}
    assert json.loads(parser.scripts[0])["problems"][0]["text"] == NASTY


def test_the_page_names_no_other_file_and_no_address(run_folder: Path) -> None:
    parser = _Scripts()
    parser.feed(write_page(load_rows(run_folder), run_folder, "none").read_text(encoding="utf-8"))
    assert not [values for _, values in parser.tags if {"src", "href", "srcset", "action"} & set(values)]
    assert "@import" not in render_page({"title": "t"})
    assert "url(" not in render_page({"title": "t"})


@pytest.mark.parametrize("text", ["</script>", "<!--<script>", "&lt;", "\u2028\u2029", "\\u003c", '"'])
def test_script_safe_json_gives_its_value_back(text: str) -> None:
    safe = script_safe_json({"text": text})
    assert json.loads(safe) == {"text": text}
    assert not set(safe) & set("<>&\u2028\u2029")


def test_the_data_holds_every_pair_problem_and_seed(tmp_path: Path) -> None:
    write_run(tmp_path, 6, {"none": [1, 2], "bc": [2]}, seeds=(0, 1))
    data = page_data(load_rows(tmp_path), tmp_path, "none")
    by_name = {pair["decomposer"]: pair for pair in data["pairs"]}
    assert data["seeds"] == [0, 1]
    assert [len(run) for run in by_name["bc"]["runs"]] == [6, 6]
    assert by_name["bc"]["runs"][0][2]["verdict"] == "incorrect"
    assert by_name["bc"]["runs"][0][3]["unread"] == "I would rather not."
    assert by_name["none"]["cells"]["against"] == "baseline"
    assert by_name["bc"]["cells"]["parse_failure"] == "2"


def test_a_problem_that_a_pair_was_not_asked_is_null(tmp_path: Path) -> None:
    write_run(tmp_path, 5, {"none": []})
    write_run(tmp_path, 6, {"bc": []})
    data = page_data(load_rows(tmp_path), tmp_path, "none")
    assert {pair["decomposer"]: pair["runs"][0][5] is None for pair in data["pairs"]} == {"none": True, "bc": False}


@pytest.mark.parametrize("damage", ["no_problems", "other_problems", "no_verdicts", "no_predictions", "no_folder"])
def test_what_the_user_can_mend_is_one_line(damage: str, run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_folder
    if damage == "no_problems":
        (folder / "problems.jsonl").unlink()
    elif damage == "other_problems":
        write_problems(make_problems(3), folder)
    elif damage == "no_verdicts":
        (folder / "verdicts" / "bc--s.jsonl").unlink()
    elif damage == "no_predictions":
        (folder / "predictions" / "bc--s.jsonl").unlink()
    else:
        folder = folder / "nowhere"
    assert main(["--results", str(folder)]) == 2
    assert capsys.readouterr().err.count("error:") == 1


def test_the_command_writes_where_it_is_told(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = run_folder / "pages" / "one.html"
    assert main(["--results", str(run_folder), "--output", str(target)]) == 0
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert str(target) in capsys.readouterr().out


def test_the_page_holds_the_tables_own_words_with_decomposer_and_solver_and_marks(tmp_path: Path) -> None:
    write_run(tmp_path, 45, {"none": range(30), "bc": range(10), "dpo": range(28)})
    rows = load_rows(tmp_path)
    data = page_data(rows, tmp_path, "none")
    assert data["columns"][:2] == ["decomposer", "solver"]
    assert [pair["decomposer"] for pair in data["pairs"]] == ["bc", "dpo", "none"]
    assert [pair["best"] for pair in data["pairs"]] == [True, False, False]
    assert [pair["tested"] for pair in data["pairs"]] == ["better", "", ""]
    for pair in data["pairs"]:
        assert pair["cells"]["accuracy"] in markdown_table(rows, "none")
        assert pair["cells"]["against"] in markdown_table(rows, "none")


def test_each_role_is_told_with_tokens_seconds_and_dollars(tmp_path: Path) -> None:
    write_run(tmp_path, 5, {"none": [], "bc": []})
    by_name = {pair["decomposer"]: pair for pair in page_data(load_rows(tmp_path), tmp_path, "none")["pairs"]}
    assert by_name["bc"]["runs"][0][1]["usage"] == [[71, 13, 0.25, 0.0001], [641, 44, 1.5, None]]
    assert by_name["none"]["runs"][0][1]["usage"][0] == [0, 0, 0.0, 0.0]


def with_overlap(row: PairRow, same: int) -> PairRow:
    """The row as one whose decomposer was trained on so many of the problems."""
    seen, nothing = Seen(same, 0, 0, "", ["t-0"]), Seen(0, 0, 0, "", [])
    return replace(row, record=replace(row.record, overlap=Overlap(seen, None, nothing, 0.5)))


def test_what_was_seen_before_warns_once_and_is_never_the_best(tmp_path: Path) -> None:
    write_run(tmp_path, 9, {"none": [1, 2, 3], "bc": [1], "dpo": []})
    rows = [with_overlap(row, 4) if row.record.label == "dpo" else row for row in load_rows(tmp_path)]
    data = page_data(rows, tmp_path, "none")
    assert data["warnings"][0].startswith("dpo was trained on 4 of the ")
    assert "was trained on" not in data["caption"]
    assert "seen before" in data["columns"]
    assert {pair["decomposer"]: pair["best"] for pair in data["pairs"]} == {"dpo": False, "bc": True, "none": False}


def test_no_path_of_this_machine_is_in_the_page(tmp_path: Path) -> None:
    write_run(tmp_path, 3, {"none": [1], "bc": []})
    rows = [
        replace(row, record=replace(row.record, dataset=row.record.dataset | {"source": str(tmp_path / "own.jsonl")}))
        for row in load_rows(tmp_path)
    ]
    write_report(rows, tmp_path / "report", "none")
    page = write_page(rows, tmp_path, "none")
    for path in (page, *(tmp_path / "report").glob("*.[mtcs]*")):
        assert str(tmp_path) not in path.read_text(encoding="utf-8"), path
    assert "own.jsonl" in page.read_text(encoding="utf-8")
