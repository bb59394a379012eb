"""The page of a run, as text and in a real headless browser (skipped where there is none)."""

from __future__ import annotations

import html.parser
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.schema import Failure, Problem
from eval_harness.browse import main, page_data, render_page, script_safe_json, write_page, write_problems
from eval_harness.grid import pair_name
from eval_harness.predictions import Decomposition, Prediction, Reply, write_predictions
from eval_harness.report import load_rows
from eval_harness.results import write_record
from eval_harness.score import aggregate, score_predictions, scores_as_lines
from tests.eval_harness.headless_browser import NO_BROWSER, Tab, browsing, find_browser
from tests.eval_harness.test_results import make_record

NASTY = "<script>window.hurt = 1</script></script><img src=x onerror='window.hurt = 1'><!-- & \u2028 {{data}} \\u003c"
UNREADABLE = Decomposition(text="I would rather not.", failure=Failure("decompose", "parse:no_questions", "none"))


def made_problems(n: int) -> list[Problem]:
    texts = [f"Ann has {place} pens and gets one more. How many pens has she?" for place in range(n)]
    texts[0] = NASTY
    return [Problem(f"t-{place}", text, str(place + 1), "made", "test") for place, text in enumerate(texts)]


def write_run(output: Path, n: int, wrong: dict[str, Sequence[int]], seeds: Sequence[int] = (0,)) -> None:
    """A finished run as `eval_harness.run` leaves it; `wrong` says per decomposer which problems it fails on."""
    problems = made_problems(n)
    write_problems(problems, output)
    for label, failed in wrong.items():
        predictions = [
            Prediction(item.problem_id, seed, _decomposition(label, place), _reply(place, place in failed))
            for seed in seeds
            for place, item in enumerate(problems)
        ]
        _write_pair(output, label, problems, predictions, seeds)


def _decomposition(label: str, place: int) -> Decomposition:
    if label == "none":
        return Decomposition(none_needed=True)
    return (
        UNREADABLE if place == 3 else Decomposition((f"{label}: how many at first?", NASTY if place == 0 else "Now?"))
    )


def _reply(place: int, wrong: bool) -> Reply:
    text = f"A1: {place}\nA2: one more.\n\nFinal answer: {place + (2 if wrong else 1)}"
    return Reply(text + " long" * 300 if place == 1 else text, cut_characters=7 if place == 2 else 0)


def _write_pair(
    output: Path, label: str, problems: Sequence[Problem], predictions: Sequence[Prediction], seeds: Sequence[int]
) -> None:
    name = pair_name(label, "s")
    sha256 = write_predictions(output / "predictions" / f"{name}.jsonl", predictions)
    scores = score_predictions(predictions, {item.problem_id: item for item in problems}, "first_marker")
    total = aggregate(scores)
    verdicts = output / "verdicts" / f"{name}.jsonl"
    verdicts.parent.mkdir(exist_ok=True)
    verdicts.write_text("".join(json.dumps(line) + "\n" for line in scores_as_lines(scores)), encoding="utf-8")
    record = make_record(
        name=name, decomposer={"kind": "api", "label": label}, n=total.n, counts=total.counts, seeds=list(seeds),
        accuracy=total.accuracy, mean_score=total.mean_score,
        interval={"low": total.interval.low, "high": total.interval.high, "level": 0.95, "method": "wilson"},
        predictions={"path": f"predictions/{name}.jsonl", "sha256": sha256},
    )  # fmt: skip
    write_record(record, output / "results" / f"{name}.json")


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    write_run(tmp_path, 45, {"none": [*range(20), 44], "bc": [4, 44]})
    return tmp_path


# --- the file -----------------------------------------------------------------------------------------------------


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
    assert by_name["none"]["against"] == "baseline"
    assert by_name["bc"]["counts"]["parse_failure"] == 2


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
        write_problems(made_problems(3), folder)
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


# --- in a browser -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    binary = find_browser()
    if binary is None:
        pytest.skip(NO_BROWSER)
    with browsing(binary, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def show(tab: Tab, folder: Path, view: str = "") -> None:
    page = write_page(load_rows(folder), folder, "none")
    tab.problems.clear()
    tab.requests.clear()
    tab.size(1280, 900)
    tab.open(page.as_uri() + view)
    assert tab.problems == []


def shown(tab: Tab) -> list[str]:
    """The ids of the problems on the page."""
    return list(tab.js("[...document.querySelectorAll('article')].map(card => card.id)"))


def press(tab: Tab, selector: str) -> None:
    tab.js(f"document.querySelector({json.dumps(selector)}).click()")


def enter(tab: Tab, selector: str, value: str, event: str) -> None:
    tab.js(
        f"(() => {{ const field = document.querySelector({json.dumps(selector)}); field.value = {json.dumps(value)};"
        f" field.dispatchEvent(new Event({json.dumps(event)})); }})()"
    )


@pytest.mark.slow
def test_the_best_row_stands_beside_the_baseline_and_nothing_else_is_loaded(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    assert (tab.js("document.querySelector('#left').value"), tab.js("document.querySelector('#right').value")) == (
        "bc--s",
        "none--s",
    )
    assert len(shown(tab)) == 20
    assert "1 to 20 of 45" in tab.js("document.querySelector('#count').textContent")
    assert [url for url in tab.requests if not url.startswith(("file:", "about:"))] == []
    summary = tab.js("document.querySelector('#summary').innerText")
    assert "93.3 %" in summary
    assert "p < 0.001" in summary


@pytest.mark.slow
def test_markup_in_a_text_is_shown_and_not_run(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    assert tab.js("window.hurt") is None
    assert tab.js("document.querySelectorAll('article img, article script').length") == 0
    assert "<script>window.hurt = 1</script>" in tab.js("document.querySelector('#t-0 .text').textContent")
    assert "onerror" in tab.js("document.querySelector('#t-0 ol').textContent")


@pytest.mark.slow
def test_filters_leave_what_they_name(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    press(tab, "[data-show=neither]")
    assert shown(tab) == ["t-3", "t-4", "t-44"]
    press(tab, "[data-show=left]")
    assert len(shown(tab)) == 18
    press(tab, "[data-show=all]")
    enter(tab, "#left-verdict", "parse_failure", "change")
    assert shown(tab) == ["t-3"]
    assert "I would rather not." in tab.js("document.querySelector('#t-3').innerText")
    enter(tab, "#right-verdict", "correct", "change")
    assert shown(tab) == []
    assert "No problem fits" in tab.js("document.querySelector('#problems').innerText")


@pytest.mark.slow
def test_search_finds_problems_questions_and_answers_and_marks_them(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    for words, found in (("HAS 7 PENS", ["t-7"]), ("Final answer: 46", ["t-44"]), ("onerror=", ["t-0"]), ("zzz", [])):
        enter(tab, "#search", words, "input")
        tab.wait_for(f"new URLSearchParams(location.hash.slice(1)).get('search') === {json.dumps(words)}")
        assert shown(tab) == found
    enter(tab, "#search", "has 7 pens", "input")
    tab.wait_for("document.querySelector('mark') && document.querySelector('mark').textContent === 'has 7 pens'")


@pytest.mark.slow
def test_both_decomposers_can_be_chosen_and_the_address_keeps_the_view(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    enter(tab, "#left", "none--s", "change")
    enter(tab, "#right", "bc--s", "change")
    press(tab, "[data-show=right]")
    kept = tab.js("location.hash")
    before = shown(tab)
    show(tab, run_folder, kept)
    assert shown(tab) == before
    assert tab.js("document.querySelector('#left').value") == "none--s"
    show(tab, run_folder, "#left=nobody&show=nothing&page=99&seed=7&leftVerdict=odd")
    assert shown(tab) == ["t-40", "t-41", "t-42", "t-43", "t-44"]


@pytest.mark.slow
def test_pages_turn_and_a_long_reply_unfolds(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    unfolded = "document.querySelector('#t-1 .reply').textContent.length"
    short = tab.js(unfolded)
    press(tab, "#t-1 .more")
    assert tab.js(unfolded) > 1500 > short
    press(tab, "#next")
    assert shown(tab)[0] == "t-20"
    press(tab, "#next-below")
    assert shown(tab) == [f"t-{place}" for place in range(40, 45)]
    assert tab.js("document.querySelector('#next').disabled")


@pytest.mark.slow
def test_a_phone_shows_it_without_sideways_scrolling_and_dark_mode_is_dark(
    tab: Tab, run_folder: Path, tmp_path: Path
) -> None:
    show(tab, run_folder)
    tab.size(360, 740, dark=True)
    assert tab.js("document.documentElement.scrollWidth") <= 360
    sides = tab.js("[...document.querySelectorAll('#t-2 .side')].map(side => side.getBoundingClientRect().top)")
    assert sides[0] < sides[1]
    style = "getComputedStyle(document.body)"
    dark = tab.js(f"[{style}.backgroundColor, {style}.color]")
    assert tab.screenshot(tmp_path / "phone.png").startswith(b"\x89PNG")
    tab.size(1280, 900)
    assert tab.js(f"[{style}.backgroundColor, {style}.color]") != dark
    sides = tab.js("[...document.querySelectorAll('#t-2 .side')].map(side => side.getBoundingClientRect().top)")
    assert sides[0] == sides[1]


@pytest.mark.slow
def test_seeds_are_chosen_only_where_there_are_several(tab: Tab, run_folder: Path, tmp_path: Path) -> None:
    visible = "document.querySelector('#seed-label').getClientRects().length > 0"
    show(tab, run_folder)
    assert not tab.js(visible)
    write_run(tmp_path / "seeds", 5, {"none": [1], "bc": []}, seeds=(0, 1))
    show(tab, tmp_path / "seeds")
    assert tab.js(visible)


@pytest.mark.slow
def test_a_large_run_draws_one_page_of_problems_only(tab: Tab, tmp_path: Path) -> None:
    rows: dict[str, Any] = {name: range(place, 1319, place + 2) for place, name in enumerate(("none", *"abcd"))}
    write_run(tmp_path, 1319, rows)
    show(tab, tmp_path)
    assert "of 1319" in tab.js("document.querySelector('#count').textContent")
    assert len(shown(tab)) == 20
    assert tab.js("document.querySelectorAll('*').length") < 1500
