"""Progress: lines in a log, one redrawn line on a terminal, and nothing of the libraries."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from dataset_builder.core import progress
from dataset_builder.core.progress import Progress, counted


def test_a_log_gets_a_line_when_one_is_due_and_one_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(0, 1000, 10))  # each look at the clock is ten seconds later
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(now)))
    assert list(counted(range(20), "count", 20, "thing")) == list(range(20))
    lines = capsys.readouterr().err.splitlines()
    assert 3 < len(lines) < 10
    assert lines[0].startswith("count: 2/20 things · ")
    assert " · ETA " in lines[0]
    assert lines[-1].startswith("count: 20/20 things · ")
    assert " · took " in lines[-1]


def test_what_an_earlier_run_did_counts_as_done_but_not_for_the_rate(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("again", 7, "row", done=7):
        pass
    assert capsys.readouterr().err == "again: 7/7 rows · took 00:00\n"


def test_what_broke_off_claims_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), Progress("broken", 7, "row"):
        raise ZeroDivisionError
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_one_line_that_is_redrawn() -> None:
    """The child's stderr is a pseudo-terminal."""
    code = (
        "from dataset_builder.core.progress import counted\n"
        "from dataset_builder.core import progress\n"
        "progress.REDRAW_S = 0\n"
        "list(counted(range(5), 'count', 5, 'thing'))"
    )
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    written = os.read(ours, 100_000).decode()
    os.close(ours)
    assert written.count("\r") >= 5
    assert written.strip().count("\n") == 0
    assert "5/5 things" in written


def test_nothing_else_of_the_project_draws_progress() -> None:
    root = Path(progress.__file__).parents[2]
    packages = ("dataset_builder", "recipes", "eval_harness", "model_cards")
    users = [path for name in packages for path in (root / name).rglob("*.py") if "import tqdm" in path.read_text()]
    assert {path.name for path in users} == {"progress.py"}
