"""The demo page in a real browser: drawn, solved, compared; served from the very files that go to the Hub."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model_cards.space.recorded import load_recorded, static_page
from model_cards.space.staging import SpaceOptions, stage_space
from tests.support.browser import NO_BROWSER, browsing, find_browser

PORT = 7860  # where a Space listens
ADDRESS = f"http://127.0.0.1:{PORT}/"
BROWSER = find_browser()

pytestmark = pytest.mark.slow


@contextmanager
def served(folder: Path) -> Iterator[None]:
    """The Space's folder as the Hub starts it: `python app.py`, with its own files and nothing of this checkout."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "OPENAI_API_KEY")}
    command = [sys.executable, "-P", "-c", "import sys, runpy; sys.path.insert(0, '.'); runpy.run_path('app.py')"]
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 180
        while True:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline, "the page never came up"
            try:
                urllib.request.urlopen(ADDRESS).close()
                break
            except OSError:
                time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `push-space` would send."""
    staging, folder = tmp_path_factory.mktemp("staging"), tmp_path_factory.mktemp("space")
    for name, path in stage_space(SpaceOptions(), staging).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(path.read_bytes())
    return folder


ANSWERED = "document.querySelectorAll('.pair .final').length === 2"


@pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER)
def test_the_page_opens_solved_and_a_drawn_problem_is_solved_side_by_side(space: Path, tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="gradio is not installed: the extra `space`")
    with served(space), browsing(str(BROWSER), tmp_path / "profile") as tab:
        tab.size(1200, 1000)
        tab.open(ADDRESS)
        tab.wait_for(ANSWERED, 60)
        first = tab.js("document.querySelector('#left').innerText")
        assert "Ben has 8 drums" in tab.js("document.querySelector('#problem textarea').value")
        assert "without a language model" in tab.js("document.querySelector('#origins').innerText")
        tab.js("document.querySelector('#draw').click()")
        tab.wait_for(f"document.querySelector('#left').innerText !== {first!r} && {ANSWERED}", 60)
        tab.js("document.querySelector('#solve').click()")
        tab.wait_for(ANSWERED, 60)
        left, right = (tab.js(f"document.querySelector('#{side} .pair').innerText") for side in ("left", "right"))
        assert left.startswith("the exact sub-questions")
        assert "How many" in left
        assert "tokens, no cost" in left
        assert right.startswith("no sub-questions")
        assert tab.js("document.querySelectorAll('.pair .verdict').length") == 2
        boxes = tab.js("[...document.querySelectorAll('.pair')].map(e => e.getBoundingClientRect().left)")
        assert boxes[0] + 200 < boxes[1]  # side by side
        tab.size(420, 1200)
        tab.wait_for("document.documentElement.scrollWidth <= 420", 10)
        assert tab.problems == []
        assert [url for url in tab.requests if url.startswith("http") and "127.0.0.1" not in url] == []


@pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER)
def test_the_static_page_opens_solved_and_shows_another_recorded_problem(evaluation: Path, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(static_page(load_recorded(evaluation, 3), "Split"), encoding="utf-8")
    with browsing(str(BROWSER), tmp_path / "profile") as tab:
        tab.size(390, 1200)
        tab.open(page.as_uri())
        assert tab.js("document.querySelectorAll('.pair .final').length") == 2
        before = tab.js("document.querySelector('#problem').innerText")
        tab.js("document.querySelector('#next').click()")
        assert tab.js("document.querySelector('#problem').innerText") != before
        assert tab.js("document.querySelector('#number').innerText") == "2"
        tab.js("document.querySelector('#right').value = ''; document.querySelector('#right').onchange()")
        assert tab.js("document.querySelectorAll('.pair .final').length") == 1
        assert tab.js("document.documentElement.scrollWidth") <= 390
        assert tab.problems == []
        assert [url for url in tab.requests if not url.startswith(("file:", "about:", "data:"))] == []
