"""The page of a run in a real headless browser: clicked, searched, turned, on a phone and in the dark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.prompts import load_prompt
from dataset_builder.solving.texts import answer_request
from eval_harness.records.problems import load_asked_problems
from eval_harness.records.rows import load_rows
from eval_harness.reporting.viewer import write_page
from eval_harness.run import main
from tests.support.browser import NO_BROWSER, Tab, browsing, find_browser
from tests.support.eval_runs import write_run

pytestmark = pytest.mark.slow


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    write_run(tmp_path, 45, {"none": [*range(20), 44], "bc": [4, 44]})
    return tmp_path


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


def test_decomposer_and_solver_are_named_wherever_a_pair_is(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    assert tab.js("[...document.querySelector('#left').options].map(option => option.text)") == ["bc + s", "none + s"]
    assert tab.js("[...document.querySelectorAll('#t-5 h3')].map(head => head.textContent)") == [
        "bc + s: correct",
        "none + s: incorrect",
    ]
    assert tab.js("[...document.querySelectorAll('#t-5 .asked b')].map(name => name.textContent)") == [
        *("bc", "s"),
        *("none", "s"),
    ]
    assert "only bc correct (18)" in tab.js("document.querySelector('#agreement').textContent")


def test_tokens_seconds_and_cost_of_both_roles_stand_beside_what_they_wrote(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    roles = tab.js("[...document.querySelectorAll('#t-5 .side:first-child .asked')].map(role => role.textContent)")
    assert "71 + 13 tokens, 0.25 s, $0.0001" in roles[0]
    assert "641 + 44 tokens, 1.50 s, price not known" in roles[1]


def test_a_prompt_unfolds_to_what_was_sent(tab: Tab, tmp_path: Path) -> None:
    grid = ["--decomposers", "reference", "none", "--solvers", "openai:micro-gsm-solver", "--base_url", "micro_gsm"]
    assert main(["--source", "micro_gsm", "--limit", "3", *grid, "--output", str(tmp_path)]) == 0
    show(tab, tmp_path)
    problem, entry = load_asked_problems(tmp_path)[0], "#micro_gsm-test-00000 .side:first-child details.asked"
    assert tab.js(f"document.querySelector('{entry} pre').textContent") == ""
    tab.js(f"document.querySelector('{entry}').open = true")
    tab.wait_for(f"document.querySelector('{entry} pre').textContent !== ''")
    name, _, text = tab.js(f"document.querySelector('{entry} pre').textContent").partition("\n")
    assert text == answer_request(problem, problem.reference_sub_questions).text
    assert name == load_prompt("answer.v1").reference


def test_the_counts_follow_search_and_verdicts(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    enter(tab, "#search", "has 1", "input")  # t-1 and t-10 to t-19
    tab.wait_for("document.querySelector('[data-show=all]').textContent === 'all (11)'")
    assert tab.js("document.querySelector('[data-show=left]').textContent") == "only bc correct (11)"
    enter(tab, "#right-verdict", "correct", "change")
    assert tab.js("document.querySelector('[data-show=all]').textContent") == "all (0)"


def test_the_best_row_and_the_significant_ones_are_marked(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    lines = tab.js("[...document.querySelectorAll('#summary tbody tr')].map(line => line.textContent)")
    assert ["best" in line for line in lines] == [True, False]
    assert ["significant" in line for line in lines] == [True, False]


def test_at_1280_the_whole_table_is_in_sight(tab: Tab, tmp_path: Path) -> None:
    write_run(tmp_path, 9, {"none": [1, 2, 3], "bc": [1], "a_decomposer_of_a_longer_name": []})
    show(tab, tmp_path)
    assert tab.js("document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth")


def test_on_a_phone_every_cell_of_the_table_is_in_sight_with_its_name(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    tab.size(390, 740)
    assert tab.js("document.querySelector('.scroll').scrollWidth <= document.querySelector('.scroll').clientWidth")
    cells = "[...document.querySelectorAll('#summary td')]"
    assert tab.js(f"{cells}.every(cell => cell.getBoundingClientRect().right <= 390)")
    assert "accuracy" in tab.js(f"getComputedStyle({cells}[2], '::before').content")


def test_markup_in_a_text_is_shown_and_not_run(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    assert tab.js("window.hurt") is None
    assert tab.js("document.querySelectorAll('article img, article script').length") == 0
    assert "<script>window.hurt = 1</script>" in tab.js("document.querySelector('#t-0 .text').textContent")
    assert "onerror" in tab.js("document.querySelector('#t-0 ol').textContent")


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


def test_search_finds_problems_questions_and_answers_and_marks_them(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    for words, result in (("HAS 7 PENS", ["t-7"]), ("Final answer: 46", ["t-44"]), ("onerror=", ["t-0"]), ("zzz", [])):
        enter(tab, "#search", words, "input")
        tab.wait_for(f"new URLSearchParams(location.hash.slice(1)).get('search') === {json.dumps(words)}")
        assert shown(tab) == result
    enter(tab, "#search", "has 7 pens", "input")
    tab.wait_for("document.querySelector('mark') && document.querySelector('mark').textContent === 'has 7 pens'")


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


def test_pages_turn_and_a_long_reply_unfolds(tab: Tab, run_folder: Path) -> None:
    show(tab, run_folder)
    unfolded = "document.querySelector('#t-1 .reply').textContent.length"
    short = tab.js(unfolded)
    press(tab, "#t-1 .more")
    assert tab.js(unfolded) > 1500 > short
    press(tab, "#next")
    assert shown(tab)[0] == "t-20"
    press(tab, "#next-below")
    assert shown(tab) == [f"t-{index}" for index in range(40, 45)]
    assert tab.js("document.querySelector('#next').disabled")


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


def test_seeds_are_chosen_only_where_there_are_several(tab: Tab, run_folder: Path, tmp_path: Path) -> None:
    visible = "document.querySelector('#seed-label').getClientRects().length > 0"
    show(tab, run_folder)
    assert not tab.js(visible)
    write_run(tmp_path / "seeds", 5, {"none": [1], "bc": []}, seeds=(0, 1))
    show(tab, tmp_path / "seeds")
    assert tab.js(visible)


def test_a_large_run_draws_one_page_of_problems_only(tab: Tab, tmp_path: Path) -> None:
    rows: dict[str, Any] = {name: range(index, 1319, index + 2) for index, name in enumerate(("none", *"abcd"))}
    write_run(tmp_path, 1319, rows)
    show(tab, tmp_path)
    assert "of 1319" in tab.js("document.querySelector('#count').textContent")
    assert len(shown(tab)) == 20
    assert tab.js("document.querySelectorAll('*').length") < 1500
