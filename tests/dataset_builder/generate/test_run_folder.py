"""One folder, one way of asking: another model, prompt or decoding is refused before anything is sent."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.llm.journal import FILE_NAME
from tests.support import generation_runs as runs
from tests.support.fake_openai import events, serving


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "another"}, "decompose: model test-model, now another"),
        ({"solver_model": "another"}, "answer: model test-model, now another"),
        ({"temperature": 0.1}, "decompose: temperature 0.7, now 0.1"),
        ({"seed": 5}, "decompose: seed 0, now 5"),
        ({"answer_max_tokens": 99}, "answer: max_tokens 1024, now 99"),
        (
            {"decompose_prompt": "decompose_capped.v1"},
            "decompose: prompt decompose.v1@c9ae9ef87cb7, now decompose_capped",
        ),
        ({"reasoning_effort": "low"}, "decompose: reasoning_effort None, now low"),
        ({"split": "test"}, "problems: split train, now test"),
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", [{}, {"dry_run": "true"}, {"offline": "true"}], ids=["ask", "dry run", "offline"])
def test_what_differs_is_named_and_nothing_is_sent(
    finished: tuple[Path, str, Path, Path], change: dict[str, Any], told: str, mode: dict[str, str]
) -> None:
    problems, url, folder, log = finished
    asked, sets = len(events(log, "asked")), (folder / "sets.jsonl").read_bytes()
    code, output = runs.generate_here(problems, url, folder, votes=0, **change, **mode)
    assert code == 2, output
    assert told in output
    assert "choose another --output" in output
    assert len(events(log, "asked")) == asked
    assert (folder / "sets.jsonl").read_bytes() == sets


def test_more_problems_sets_and_votes_go_on_in_the_same_folder(finished: tuple[Path, str, Path, Path]) -> None:
    _, url, folder, log = finished
    problems = runs.write_problems(folder.parent, 3)
    before = len(events(log, "asked"))
    code, output = runs.generate_here(problems, url, folder, sets=4, votes=2, feedback_model="other")
    assert code == 0, output
    sets, old = 3 * 4, 2 * 3
    assert len(events(log, "asked")) - before == 2 * (sets - old) + 2 * sets
    code, output = runs.generate_here(problems, url, folder, sets=4, votes=2, feedback_model="another")
    assert "feedback: model other, now another" in output


def test_a_folder_of_before_the_note_is_judged_by_its_record(finished: tuple[Path, str, Path, Path]) -> None:
    problems, url, folder, _ = finished
    with sqlite3.connect(folder / FILE_NAME) as database:
        database.execute("DELETE FROM notes WHERE name = 'asked_with'")
    code, output = runs.generate_here(problems, url, folder, votes=0, model="another", seed=3)
    assert code == 2
    assert "(decompose: model test-model, now another, answer: model test-model, now another)" in output
    assert runs.generate_here(problems, url, folder, votes=0)[0] == 0


def test_a_folder_without_a_reply_is_nobodys(tmp_path: Path) -> None:
    problems, folder = runs.write_problems(tmp_path, 1), tmp_path / "run"
    refused = {"status": 401, "body": {"error": {"message": "no"}}}
    with serving(always=refused) as url:
        assert runs.generate_here(problems, url, folder)[0] == 2
    with serving() as url:
        assert runs.generate_here(problems, url, folder, model="other", temperature=0.1)[0] == 0


def test_the_record_holds_the_files_name_and_hash_and_no_path(finished: tuple[Path, str, Path, Path]) -> None:
    problems, _, folder, _ = finished
    record = json.loads((folder / "run.json").read_text())
    assert record["problems"].keys() == {"name", "split", "count", "sha256"}
    assert (record["problems"]["name"], record["problems"]["count"]) == ("problems.jsonl", 2)
    assert str(problems.parent) not in json.dumps(record)
    assert record["models"].keys() == record["prompts"].keys() == {"decompose", "answer"}  # no votes: nobody judged


def test_own_prompts_are_given_by_path_and_stand_in_the_record(tmp_path: Path) -> None:
    problems, folder, own = runs.write_problems(tmp_path, 1), tmp_path / "run", tmp_path / "physics.txt"
    own.write_text("Split it.\n\nProblem: {problem}\n\nSub-questions:\n")
    with serving() as url:
        code, output = runs.generate_here(problems, url, folder, votes=0, decompose_prompt=own)
        assert code == 0, output
        prompt = json.loads((folder / "run.json").read_text())["prompts"]["decompose"]
        assert (prompt["name"], prompt["text"]) == ("physics", "Split it.\n\nProblem: {problem}\n\nSub-questions:")
        own.write_text("Split it well.\n\nProblem: {problem}\n\nSub-questions:\n")
        code, output = runs.generate_here(problems, url, folder, votes=0, decompose_prompt=own)
        assert "prompt physics@" in output
    own.write_text("Split it.")
    code, output = runs.generate_here(problems, "http://127.0.0.1:9/v1", tmp_path / "other", decompose_prompt=own)
    assert code == 2
    assert "prompt physics has no place for problem" in output


def test_the_last_lines_say_what_came_out_and_what_comes_next(finished: tuple[Path, str, Path, Path]) -> None:
    problems, url, folder, _ = finished
    code, output = runs.generate_here(problems, url, folder, votes=0)
    assert code == 0
    last = output.splitlines()[-4:]
    assert last[0].startswith("sets: 6 complete, 0 with failures, 0 missing -> ")
    assert last[1].startswith("readable: 100.0 % of 6 sets; right: ")
    assert last[1].endswith("cost: $0.0000")
    assert "--votes 3" in last[2]
    assert last[3] == f"next: python -m dataset_builder.build --generation {folder} --output problems-subq"


@pytest.fixture
def finished(tmp_path: Path) -> Any:
    """(problems, address, folder, the server's log) of a generation of two problems without votes."""
    problems, log, folder = runs.write_problems(tmp_path, 2), tmp_path / "log", tmp_path / "run"
    with serving(log=str(log)) as url:
        code, output = runs.generate_here(problems, url, folder, votes=0)
        assert code == 0, output
        yield problems, url, folder, log
