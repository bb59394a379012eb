"""The package's Python use, as its README has it: one call each, nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dataset_builder import decompose, make_dataset, solve
from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.problems import generate_problems
from tests.support.fake_openai import events, serving
from tests.support.raw_sets import make_sets, write_journal
from tests.support.readme import run_examples


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    return tmp_path


def test_the_readme_runs_as_printed(here: Path) -> None:
    folder = write_journal(here / "run", make_sets(20))
    dataset = here / "outputs" / "demo" / "gsm8k-ai-subq"
    build_dataset(BuildConfig(generation=str(folder), output=str(dataset), validation_fraction=0.2))
    names = run_examples("dataset_builder/README.md")
    assert names["asked"].sub_questions
    assert names["solution"].usage.prompt_tokens > 0
    assert names["solution"].verdict in ("correct", "incorrect")
    assert (sum(names["facts"]["problems"].values()), sum(names["facts"]["sets"].values())) == (1, 2)
    assert sorted(path.name for path in here.iterdir()) == ["outputs", "run"]


def test_a_dataset_is_made_of_rows_and_nothing_is_asked_twice(here: Path) -> None:
    log, rows = here / "log", [{"question": "Ann has 3 pens. How many?", "answer": "3"}]
    with serving(log=str(log)) as url:
        for _ in range(2):
            make_dataset(rows, "m", here / "mine-subq", here / "run", base_url=[url], sets=1, votes=0)
            asked = len(events(log))
    assert 0 < asked <= 2
    assert (here / "mine-subq" / "README.md").is_file()
    with pytest.raises(UserError, match="no option 'setts', did you mean 'sets'"):
        make_dataset(rows, "m", here / "d", here / "run", setts=1)


def test_right_sub_questions_are_solved_and_a_gold_gives_the_verdict(here: Path) -> None:
    problem = generate_problems("test", 1)[0]
    right = solve(problem.problem, problem.reference_sub_questions, model="micro-gsm-solver", base_url="micro_gsm")
    assert (right.answer, right.verdict, right.failure) == (problem.gold_answer, "", None)
    assert len(right.sub_answers) == len(problem.reference_sub_questions)


def test_a_journal_is_kept_where_it_is_named_and_saves_the_second_request(here: Path) -> None:
    log, journal = here / "log", here / "journal.sqlite"
    with serving(log=str(log)) as url:
        for _ in range(2):
            solve("Ann has 3 pens. How many?", ["How many?"], model="m", gold="3", base_url=url, journal=journal)
        decompose("Ann has 3 pens. How many?", "m", base_url=url)
    assert len(events(log)) == 2
    assert sorted(path.name for path in here.iterdir()) == ["journal.sqlite", "journal.sqlite.lock", "log"]


def test_an_unknown_rule_is_named_with_the_nearest(here: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'first_marker'"):
        solve("Ann?", model="m", rule="first_maker")


@pytest.mark.parametrize("package", ["dataset_builder", "recipes", "eval_harness"])
def test_a_package_loads_nothing_before_it_is_used(package: str) -> None:
    code = f"import sys, {package}; print([m for m in sys.modules if m.startswith({package!r})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([package])


@pytest.mark.parametrize("package", ["dataset_builder", "recipes", "eval_harness"])
def test_every_public_name_is_there_and_documented(package: str) -> None:
    module = __import__(package)
    assert all(getattr(module, name).__doc__ for name in module.__all__)
    with pytest.raises(AttributeError, match="no attribute"):
        module.nonsense  # noqa: B018
