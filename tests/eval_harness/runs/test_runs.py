"""The list of runs tells each by its files: finished, running, stopped, broken; two runs by what differs."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dataset_builder.core.files import write_json
from dataset_builder.core.locks import lock_file, unlock_file
from eval_harness.runs.__main__ import main
from eval_harness.runs.find import find_runs
from eval_harness.runs.run import Run
from eval_harness.study.engine.states import RUN_FILE
from recipes.models.checkpoint import INPUTS_FILE, RECIPE_FILE, RECORD_FILE, checkpoint_fingerprint
from recipes.training.checkpoints import CHECKPOINTS, PROCESS_FILE, is_at_work, note_process
from tests.support.eval_runs import write_run
from tests.support.records import TRAINING

RECIPE = {"method": "bc", "adapter": "full", "backbone": "org/gpt2", "dataset": "d/mine-subq", "max_steps": 900}


def trained(folder: Path, *, finished: bool = True, **settings: object) -> Path:
    """A training run's folder."""
    recipe = RECIPE | {"output_dir": str(folder)} | settings
    write_json(folder / INPUTS_FILE, {})
    (folder / RECIPE_FILE).write_text(yaml.safe_dump(recipe), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"name": folder.name}), encoding="utf-8")
    if finished:
        record = dataclasses.replace(TRAINING, seconds=7200, resolved_recipe=recipe)
        write_json(folder / RECORD_FILE, dataclasses.asdict(record))
    return folder


def scored(folder: Path, checkpoint: Path) -> None:
    """Pairs `bc` (with a checkpoint's weights) and `none`."""
    write_run(folder, 6, {"none": [0, 1, 2], "bc": [2]})
    config = {"decomposers": ["none", f"checkpoint:{checkpoint}"], "solvers": ["openai:m"]}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (path,) = (folder / "results").glob("bc*.json")
    values = json.loads(path.read_text(encoding="utf-8"))
    values["decomposer"]["weights_sha256"] = checkpoint_fingerprint(checkpoint)
    write_json(path, values)


def by_name(folder: Path) -> dict[str, Run]:
    return {run.folder.removeprefix(f"{folder}/"): run for run in find_runs(folder)}


def test_a_finished_checkpoint_has_its_hours_and_the_score_of_its_weights(tmp_path: Path) -> None:
    scored(tmp_path / "eval", trained(tmp_path / "bc"))
    runs = by_name(tmp_path)
    run, pair = runs["bc"], next(run for name, run in runs.items() if name.startswith("eval:bc"))
    assert (run.state, run.method, run.backbone, run.data, run.hours) == (
        "finished",
        "bc full",
        "gpt2",
        "mine-subq",
        2,
    )
    assert (run.accuracy, run.low, run.high, run.n) == (pair.accuracy, pair.low, pair.high, 6)
    assert pair.accuracy == pytest.approx(4 / 6)
    assert [item.state for item in runs.values()] == ["finished"] * 3


def test_a_run_that_has_not_ended_is_running_or_stopped_and_says_how_far_it_is(tmp_path: Path) -> None:
    folder = trained(tmp_path / "bc", finished=False)
    (folder / CHECKPOINTS / "checkpoint-400").mkdir(parents=True)
    assert by_name(tmp_path)["bc"].state == "stopped"
    note_process(folder)
    run = by_name(tmp_path)["bc"]
    assert (run.state, run.note) == ("running", "update 400 of 900 is saved")


def test_the_process_that_was_noted_is_not_taken_for_another_with_its_number(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from recipes.training.checkpoints import note_process as n; n(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert not is_at_work(tmp_path)
    note_process(tmp_path)
    assert is_at_work(tmp_path)
    path = tmp_path / CHECKPOINTS / PROCESS_FILE
    noted = json.loads(path.read_text(encoding="utf-8"))
    for other in ({"started": 1.0}, {"host": "elsewhere"}):
        write_json(path, noted | other)
        assert not is_at_work(tmp_path)


def test_pairs_that_are_missing_and_who_scores_them_are_told(tmp_path: Path) -> None:
    scored(tmp_path / "eval", trained(tmp_path / "bc"))
    next((tmp_path / "eval" / "results").glob("none*")).unlink()
    assert (by_name(tmp_path)["eval"].state, by_name(tmp_path)["eval"].note) == ("stopped", "1 of 2 pairs are scored")
    held = lock_file(tmp_path / "eval" / "journal.sqlite", "")
    assert by_name(tmp_path)["eval"].state == "running"
    unlock_file(held)


def test_a_generation_says_whom_it_asked_and_whether_it_finished(tmp_path: Path) -> None:
    facts = {
        "finished": False,
        "problems": {"name": "gsm8k", "split": "train", "count": 7473},
        "models": {"decompose": "teacher"},
        "stopped_by": "interrupted",
    }
    write_json(tmp_path / "g" / "run.json", facts)
    (tmp_path / "g" / "config.yaml").write_text("model: teacher\n", encoding="utf-8")
    run = by_name(tmp_path)["g"]
    assert (run.state, run.backbone, run.data) == ("stopped", "teacher", "gsm8k train, 7,473 problems")
    write_json(tmp_path / "g" / "run.json", facts | {"finished": True})
    assert by_name(tmp_path)["g"].state == "finished"


@pytest.mark.parametrize("name", [f"bc/{RECORD_FILE}", f"bc/{RECIPE_FILE}", "eval/results/none--m.json", "g/run.json"])
def test_what_cannot_be_read_is_broken_and_the_others_are_listed(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tmp_path / "bc")
    trained(tmp_path / "good")
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{: [", encoding="utf-8")
    assert main([str(tmp_path)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    (line,) = (line for line in lines if str(path.parents[len(Path(name).parts) - 2]) in line and "good" not in line)
    assert "broken" in line
    assert any("good" in line and "finished" in line for line in lines)


def test_failed_requests_make_a_pair_broken(tmp_path: Path) -> None:
    scored(tmp_path / "eval", trained(tmp_path / "bc"))
    (path,) = (tmp_path / "eval" / "results").glob("none*.json")
    values = json.loads(path.read_text(encoding="utf-8"))
    values["counts"] |= {"incorrect": values["counts"]["incorrect"] - 1, "request_failed": 1}
    write_json(path, values | {"publishable": False})
    (run,) = (run for name, run in by_name(tmp_path).items() if name.startswith("eval:none"))
    assert run.state == "broken"
    assert run.note.startswith("1 requests failed")


def test_two_runs_are_compared_by_what_came_out_and_the_settings_that_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = trained(tmp_path / "a", learning_rate=0.001, ilql={"beta": 1.0, "tau": 0.7}, seed=1)
    other = trained(tmp_path / "b", learning_rate=0.002, ilql={"beta": 4.0, "tau": 0.7}, seed=1)
    scored(tmp_path / "eval", other)
    assert main([str(one), str(other)]) == 0
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    rows = {name: values for name, *values in cells}
    assert rows["learning_rate"] == ["0.001", "0.002"]
    assert rows["ilql.beta"] == ["1.0", "4.0"]
    assert rows["accuracy"] == ["", "66.7 % (30.0 - 90.3, n 6)"]
    assert not {"seed", "ilql.tau", "output_dir", "method"} & set(rows)


def test_json_holds_what_the_table_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(tmp_path / "bc")
    assert main([str(tmp_path), "--format", "json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert (run["state"], run["settings"]["max_steps"]) == ("finished", 900)


def test_without_a_word_outputs_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    trained(Path("outputs") / "bc")
    assert main([]) == 0
    assert "outputs/bc" in capsys.readouterr().out


def test_runs_below_a_study_are_listed_and_its_own_files_are_no_run(tmp_path: Path) -> None:
    write_json(tmp_path / "subq" / RUN_FILE, {"profile": "local", "jobs": 2, "gpus": 0, "api": 1})
    trained(tmp_path / "subq" / "steps" / "train-bc-0f3c")
    assert list(by_name(tmp_path)) == ["subq/steps/train-bc-0f3c"]
