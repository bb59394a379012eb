"""A metric goes to a Hub on loopback with the real client, and `evaluate.load("org/name")` loads it from there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval_harness.push_metric import main
from tests.conftest import ROOT
from tests.eval_harness.test_metrics import WITHOUT_US
from tests.support.fake_hub import FakeHub

REPO = "org/subq_accuracy"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as opened:
        yield opened


def push(hub: FakeHub, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "eval_harness.push_metric", "--metric", "subq_accuracy", "--repo", REPO]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, env=hub.client_env(home), capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_without_yes_the_diff_is_shown_and_nothing_is_sent(hub: FakeHub, tmp_path: Path) -> None:
    done = push(hub, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "+ subq_accuracy.py" in done.stdout
    assert "dry run" in done.stdout
    assert hub.repos == {}


@pytest.mark.slow
def test_a_published_metric_is_loaded_by_its_name_where_we_are_not_installed(hub: FakeHub, tmp_path: Path) -> None:
    done = push(hub, tmp_path / "pusher", "--public", "--yes", "--tag", "v1.0.0")
    assert done.returncode == 0, done.stderr
    repo = hub.repos["space", REPO]
    assert {"README.md", "app.py", "requirements.txt", "subq_accuracy.py"} <= set(repo.files())
    code = WITHOUT_US + (
        f"import evaluate\nmetric = evaluate.load({REPO!r})\n"
        "print(metric.compute(predictions=['Final answer: 1,080', 'no'], references=['1080', '2'])['accuracy'])\n"
    )
    env = hub.client_env(tmp_path / "reader", token=None)
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert result.stdout.strip() == "0.5", result.stderr
    again = push(hub, tmp_path / "pusher", "--public", "--yes")
    assert "no file differs" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--repo org/name"),
        (["--repo", "org/accuracy"], "must end in /subq_accuracy"),
        (["--output", "outputs/metric"], "it must end in /subq_accuracy"),
        (["--metric", "bleu", "--repo", "org/bleu"], "decomposition_quality"),
    ],
)
def test_what_the_user_can_mend_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_folder_is_written_without_asking_anybody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "decomposition_quality"
    assert main(["--metric", "decomposition_quality", "--output", str(target)]) == 0
    assert (target / "decomposition_quality.py").is_file()
    assert "evaluate.load" in capsys.readouterr().out
