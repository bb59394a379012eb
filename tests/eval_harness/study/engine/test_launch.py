"""Plans through the real Snakemake: what is repeated after a kill, after a failure, after A, B and A again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from dataset_builder.core.errors import UserError
from dataset_builder.core.locks import lock_file, unlock_file
from eval_harness.study.engine import environment
from eval_harness.study.engine.environment import environment_folder, snakemake_program
from eval_harness.study.engine.launch import SNAKEFILE, run_plan, snakemake_command
from eval_harness.study.engine.profile import NAMES, PROFILES, load_profile, missing_gpus
from eval_harness.study.engine.states import log_file, states
from eval_harness.study.plan import Plan, Step, freeze, write_plan
from tests.conftest import ROOT
from tests.support.stand_ins import write_stand_ins
from tests.support.toy_step import toy

pytestmark = pytest.mark.skipif(os.name == "nt", reason="studies run on Linux and macOS")


@pytest.fixture(scope="module")
def snakemake() -> Path:
    try:
        return snakemake_program()
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOY_COUNT", str(tmp_path / "count"))
    return tmp_path / "count"


def six(fails: str = "") -> list[Step]:
    return [
        toy("a"),
        toy("b 1", "a", fails=fails),
        toy("b 2", "a", api=True),
        toy("c 1", "b 1"),
        toy("c 2", "b 2"),
        toy("page", "c 1", "c 2"),
    ]


def frozen(tmp_path: Path, steps: list[Step]) -> Plan:
    return freeze(steps, tmp_path / "study", study="toy", work=ROOT)


def words(plan: Plan) -> dict[str, str]:
    return {state.name: state.word for state in states(plan)}


def test_the_traps_of_snakemake_are_kept_shut(tmp_path: Path) -> None:
    plan = frozen(tmp_path, six())
    command = snakemake_command(
        Path("snakemake"), plan, plan.output / "plans" / "x.json", load_profile("local", 3, 1), keep_going=True
    )
    text = " ".join(command)
    assert "--nolock --ignore-incomplete --rerun-triggers input mtime --cores 3 --resources api=1 gpu=" in text
    assert "--rerun-incomplete" not in command
    assert "--keep-going" in command
    assert SNAKEFILE.read_text().count("output:") == 1
    assert "directory(" not in SNAKEFILE.read_text(), "folders that Snakemake knows are deleted with a cut off job"


@pytest.mark.parametrize("name", NAMES)
def test_each_profile_names_who_runs_and_limits_endpoints(name: str) -> None:
    values = yaml.safe_load((PROFILES / name / "config.yaml").read_text())
    profile = load_profile(name)
    assert profile.here == (name == "local") == (values["executor"] == "local")
    assert profile.limits.api == int(values["resources"][0].removeprefix("api="))
    assert load_profile(name, 7, 3).limits.jobs == 7
    assert load_profile(str(PROFILES / name)).limits == profile.limits, "a user's own, by its folder"


def test_gpus_that_are_not_here_are_missed_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    plan = frozen(tmp_path, [toy("a", gpu=2)])
    with pytest.raises(UserError, match=r"needs 2 GPUs and this machine has 1; give --profile slurm"):
        run_plan(plan, load_profile("local"))
    assert missing_gpus(plan, load_profile("slurm")) == ""
    assert not plan.output.exists()


def test_a_study_runs_once_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval_harness.study.engine.launch.snakemake_program", lambda: Path("/none"))
    plan = frozen(tmp_path, six())
    plan.output.mkdir()
    lock = lock_file(plan.output / "study", "")
    with pytest.raises(UserError, match="being written by another run"):
        run_plan(plan, load_profile("local"))
    unlock_file(lock)


def test_an_environment_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBQ_SNAKEMAKE", str(tmp_path / "env"))
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path / "none.txt")
    (tmp_path / "none.txt").write_text("--no-index\nsnakemake==0.0.0\n")
    monkeypatch.setattr(environment.sys, "executable", "/bin/false")
    with pytest.raises(UserError, match=r"cannot make .*SUBQ_SNAKEMAKE"):
        snakemake_program()
    assert environment_folder() == tmp_path / "env"


@pytest.mark.slow
def test_a_b_a_runs_only_what_differs_and_a_failed_cell_leaves_the_others(
    tmp_path: Path, count: Path, snakemake: Path
) -> None:
    local = load_profile("local", jobs=2)
    run_plan(frozen(tmp_path, six()), local)
    assert len(count.read_text().splitlines()) == 12
    changed = frozen(tmp_path, six(fails="no money left"))
    with pytest.raises(UserError, match=r"step 'b 1' failed: no money left .* 2 steps wait"):
        run_plan(changed, local, keep_going=True)
    assert count.read_text().splitlines()[12:] == ["start b 1"], "b 2 and c 2 are as they were"
    assert words(changed) == {
        "a": "finished",
        "b 1": "failed",
        "b 2": "finished",
        "c 1": "waiting",
        "c 2": "finished",
        "page": "waiting",
    }
    run_plan(frozen(tmp_path, six()), local)
    assert len(count.read_text().splitlines()) == 13


@pytest.mark.slow
def test_after_a_kill_of_everything_only_what_was_in_flight_is_repeated(
    tmp_path: Path, count: Path, snakemake: Path
) -> None:
    plan = frozen(tmp_path, six())
    hold = count.with_name("count.hold")
    hold.write_text("b 2")
    code = (
        "from eval_harness.study.engine.launch import run_plan; from eval_harness.study.plan import read_plan\n"
        "from eval_harness.study.engine.profile import load_profile; from pathlib import Path\n"
        f"run_plan(read_plan(Path({str(write_plan(plan))!r})), load_profile('local', jobs=2))"
    )
    study = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not (count.exists() and {"end c 1", "start b 2"} <= set(count.read_text().splitlines())):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "running" in words(plan).values()
    everything = psutil.Process(study.pid).children(recursive=True)
    os.kill(study.pid, signal.SIGKILL)
    for process in everything:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    study.wait()
    psutil.wait_procs(everything, timeout=20)
    assert words(plan)["b 2"] == "failed"
    before = count.read_text().splitlines()
    hold.unlink()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    after = count.read_text().splitlines()[len(before) :]
    assert after == ["start b 2", "end b 2", "start c 2", "end c 2", "start page", "end page"]
    assert set(words(plan).values()) == {"finished"}


@pytest.mark.slow
@pytest.mark.parametrize("service", ["hf-jobs", "ray"])
def test_steps_run_as_jobs_of_a_service(
    service: str, tmp_path: Path, count: Path, snakemake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = write_stand_ins(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("SUBQ_BUCKET", "org/studies")
    monkeypatch.setenv("SUBQ_CODE", "git+https://example.org/x@1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    folder = tmp_path / "profile"
    folder.mkdir()
    text = (PROFILES / service / "config.yaml").read_text()
    hurried = "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("seconds-between"))
    (folder / "config.yaml").write_text(f"{hurried}seconds-between-status-checks: 1\n")
    plan = frozen(tmp_path, [toy("ask", api=True), toy("train", "ask", gpu=1), toy("fails", "ask", fails="no room")])
    with pytest.raises(UserError, match="'fails' failed: no room"):
        run_plan(plan, load_profile(str(folder)), keep_going=True)
    assert words(plan) == {"ask": "finished", "train": "finished", "fails": "failed"}
    assert "this is train" in log_file(plan, "train").read_text()
    assert sorted(count.read_text().splitlines()) == [
        "end ask",
        "end train",
        "start ask",
        "start fails",
        "start train",
    ]
    assert "sk-secret" not in calls.read_text()
    made = [json.loads(line) for line in calls.read_text().splitlines()]
    if service == "hf-jobs":
        ask, *others = [call for call in made if call[1:3] == ["jobs", "run"]]
        assert ask[ask.index("--flavor") + 1] == "cpu-upgrade"
        assert "OPENAI_API_KEY" in ask
        assert ["a10g-large" in call for call in others].count(True) == 1
        assert not any("OPENAI_API_KEY" in call for call in others)
    else:
        gpus = [call for call in made if "--entrypoint-num-gpus" in call]
        assert [call[call.index("--submission-id") + 1].split("-")[0] for call in gpus] == ["train"]
