"""The demo's steps have one home, which `make demo` and `subq demo` run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.core.config import read_yaml
from model_cards import demo
from model_cards.demo import PLACE, SCORED, DemoConfig, main, steps
from tests.conftest import ROOT
from tests.test_bad_inputs import ENTRY_POINTS


def test_each_step_reads_what_an_earlier_one_writes() -> None:
    written: set[str] = set()
    for words in steps(DemoConfig(output="here")):
        assert words[0] in ENTRY_POINTS
        read = [words[words.index(name) + 1] for name in ("--generation", "--dataset", "--init_from") if name in words]
        read += [word.removeprefix("checkpoint:") for word in words if word.startswith("checkpoint:")]
        assert set(read) <= written
        written |= {words[words.index(name) + 1] for name in ("--output", "--output_dir") if name in words}
    assert {Path(path).parent for path in written} == {Path("here")}


def test_the_scored_rows_are_those_of_the_config() -> None:
    (words,) = (words for words in steps(DemoConfig()) if words[0] == "eval_harness.run")
    config = read_yaml(ROOT / SCORED)
    assert words[words.index("--decomposers") + 1 :] == config["decomposers"]
    assert config["output"] == f"{PLACE}/eval"


def test_make_runs_it() -> None:
    done = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True)
    assert "-m model_cards.demo --output outputs/demo" in done.stdout


def test_a_step_that_stops_stops_the_demo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []

    def run(words: list[str]) -> Any:
        ran.append(words)
        return subprocess.CompletedProcess(words, 2 if "dataset_builder.build" in words else 0)

    monkeypatch.setattr(demo.subprocess, "run", run)
    assert main(["--output", str(tmp_path / "out")]) == 2
    assert [words[2] for words in ran] == ["dataset_builder.generate", "dataset_builder.build"]
    assert "dataset_builder.build stopped with exit code 2" in capsys.readouterr().err


def test_without_torch_nothing_is_begun(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    assert main(["--output", str(tmp_path / "out")]) == 2
    assert 'pip install "gsm8k-ai-subq[train]"' in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
