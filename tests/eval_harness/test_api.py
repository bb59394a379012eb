"""The package's Python use, as its README has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from eval_harness import score
from tests.support.readme import run_examples


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readme_runs_as_printed_and_leaves_nothing_behind(here: Path) -> None:
    names = run_examples("eval_harness/README.md")
    assert names["pair"].record.n == 20
    assert names["pair"].low <= names["pair"].accuracy <= names["pair"].high
    assert set(names["pair"].verdicts.values()) <= {"correct", "incorrect"}
    assert list(here.iterdir()) == []


def test_a_folder_is_kept_where_it_is_named(here: Path) -> None:
    kept = here / "kept"
    pair = score("none", "openai:micro-gsm-solver", "micro_gsm", output=str(kept), limit=3, base_url="micro_gsm")
    assert (kept / "journal.sqlite").is_file()
    assert (kept / "results" / f"{pair.record.name}.json").is_file()


def test_unknown_and_impossible_options_are_refused_by_name() -> None:
    with pytest.raises(UserError, match="no option 'limt', did you mean 'limit'"):
        score("none", "openai:m", "micro_gsm", limt=3)
    with pytest.raises(UserError, match="--limit must be at least 1"):
        score("none", "openai:m", "micro_gsm", limit=0)
