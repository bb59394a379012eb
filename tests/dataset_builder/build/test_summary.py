"""A build ends with what came out, what is missing, and what to do next."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dataset_builder.build.__main__ import main
from tests.support.raw_sets import make_problem, make_set, make_sets, write_journal


def test_without_votes_the_lines_say_how_they_come_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    physics = [dataclasses.replace(make_problem(n), source="physics") for n in range(1, 5)]
    sets = [make_set(problem, votes=(), final="wrong" if n == 0 else "right") for n, problem in enumerate(physics)]
    journal = write_journal(tmp_path / "run", sets, {"votes": 0})
    assert main(["--generation", str(journal), "--output", str(tmp_path / "made")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("made: 4 problems, 4 sets (train 4)")
    assert lines[1] == "readable: 100.0 % of 4 sets; right: 75.0 % of 4 answers; cost: $0.0040"
    assert lines[2].startswith("no feedback, so no config trajectories: generate with --votes 3")
    assert "--validation_fraction 0.2" in lines[3]
    assert lines[4].endswith("--license, --language, --domain, --description")
    assert lines[5] == f"next, its numbers and figures: python -m dataset_builder.stats --dataset {tmp_path / 'made'}"
    assert lines[6].startswith("then: python -m recipes.train --recipe gpt2/bc_full --dataset ")


def test_where_nothing_is_missing_nothing_is_said_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = write_journal(tmp_path / "run", make_sets())
    assert main(["--generation", str(journal), "--output", str(tmp_path / "made")]) == 0
    printed = capsys.readouterr().out
    assert "no feedback" not in printed
    assert "held out" not in printed
    assert "the card does not say" not in printed
