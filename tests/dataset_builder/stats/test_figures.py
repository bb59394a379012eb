"""Every figure counts in percent of one thing on straight axes, has its caption, and stands in reading order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.dataset_folder.layout import read_facts
from dataset_builder.stats.__main__ import main
from dataset_builder.stats.figures import FIGURES, Drawn
from tests.support.browser import NO_BROWSER, browsing, find_browser
from tests.support.raw_sets import make_problem, make_set, make_sets, write_journal
from tests.support.rendered_cards import card_page


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset with votes and every figure."""
    target = tmp_path_factory.mktemp("figures")
    solved = [make_set(make_problem(900 + n), index) for n in range(2) for index in range(3)]
    journal = write_journal(target / "run", [*make_sets(4), *solved])
    build_dataset(BuildConfig(generation=str(journal), output=str(target / "small"), validation_fraction=0.2))
    assert main(["--dataset", str(target / "small")]) == 0
    return target / "small"


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_counts_in_percent_on_a_straight_axis_and_has_a_caption(folder: Path, name: str) -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    told = FIGURES[name][1](axes, read_facts(folder)["stats"]["train"])
    assert isinstance(told, Drawn)
    assert axes.get_yscale() == axes.get_xscale() == "linear"
    percent = [axis for axis in (told.x, told.y) if axis.startswith("% of")]
    assert len(percent) == (0 if name == "votes_against_answers" else 1)
    assert told.caption.rstrip().endswith(".")


@pytest.mark.parametrize(
    "name", ["questions_per_set", "correct_sets", "usefulness_per_question", "usefulness_per_set"]
)
def test_the_bars_of_a_figure_add_up_to_a_hundred(folder: Path, name: str) -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    FIGURES[name][1](axes, read_facts(folder)["stats"]["train"])
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(100)


def test_votes_that_differ_are_a_property_and_no_defect(folder: Path) -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    FIGURES["data_sheet"][1](axes, read_facts(folder)["stats"]["train"])
    labels = " ".join(label.get_text() for label in axes.get_yticklabels())
    assert "repeat" in labels
    assert "differ" not in labels
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    (place,) = (number for number, line in enumerate(lines) if "sub-questions whose votes differ" in line)
    assert "usefulness per set" in lines[place - 1]


def test_the_card_shows_the_figures_in_reading_order(folder: Path) -> None:
    shown = re.findall(r'src="figures/(\w+)\.png"', (folder / "README.md").read_text(encoding="utf-8"))
    assert shown == list(FIGURES)


def test_examples_and_numbers_are_folded_and_a_sets_votes_are_one_line(folder: Path) -> None:
    body = re.sub(r"<details>.*?</details>", "", (folder / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert '"problem_id"' not in body
    assert "bibtex" not in body
    assert '\n  "votes": [[' in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_card_of_a_small_set_is_under_3000_pixels_and_fits_a_phone(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("markdown_it")
    binary = find_browser()
    if binary is None:
        pytest.skip(NO_BROWSER)
    page, heights, widths = card_page(folder / "README.md"), dict[int, Any](), dict[int, Any]()
    with browsing(binary, tmp_path / "profile") as tab:
        for width in (1280, 390):
            tab.size(width, 900)
            tab.open(page.as_uri())
            tab.wait_for("[...document.images].every(image => image.complete)")
            heights[width] = tab.js("document.documentElement.scrollHeight")
            widths[width] = tab.js("document.documentElement.scrollWidth")
    page.unlink()
    assert heights[1280] < 3000
    assert widths[390] == 390
