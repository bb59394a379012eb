"""The demo's steps have one home, which `make demo` and `subq demo` run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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

    def run(words: list[str]) -> int:
        ran.append(words)
        return 2 if "dataset_builder.build" in words else 0

    monkeypatch.setattr(demo, "run_step", run)
    assert main(["--output", str(tmp_path / "out")]) == 2
    assert [words[2] for words in ran] == ["dataset_builder.generate", "dataset_builder.build"]
    assert "dataset_builder.build stopped with exit code 2" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to a group of processes")
def test_ctrl_c_waits_for_the_step_to_save(tmp_path: Path) -> None:
    step = (
        "import signal, sys, time\n"
        "def save(*_): time.sleep(1); open('saved', 'w').close(); sys.exit(130)\n"
        "signal.signal(signal.SIGINT, save); open('begun', 'w').close(); time.sleep(60)"
    )
    code = f"import sys; from model_cards.demo import run_step; run_step([sys.executable, '-c', {step!r}])"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, start_new_session=True, stderr=subprocess.DEVNULL
    )
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=60)
    assert (tmp_path / "saved").exists()


def test_without_torch_nothing_is_begun(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    assert main(["--output", str(tmp_path / "out")]) == 2
    assert 'pip install "gsm8k-ai-subq[train]"' in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
