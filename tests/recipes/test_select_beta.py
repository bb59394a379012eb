"""The choice of beta as a command: what it writes, what it refuses, and who may judge."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recipes.config.recipe import RecipeConfig
from recipes.select_beta import SWEEP_FILE, main
from recipes.train import run_recipe


@pytest.fixture(scope="module")
def guided(reward_recipe: Callable[..., RecipeConfig], cloned: Path) -> Path:
    return run_recipe(reward_recipe(cloned.parent / "ilql_beta", method="ilql_full", init_from=str(cloned)))


def test_the_sweep_is_written_beside_the_weights_and_beta_into_the_config(
    guided: Path, reward_dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads((guided / "config.json").read_text())
    arguments = ["--checkpoint", str(guided), "--dataset", str(reward_dataset), "--betas", "3", "5"]
    assert main([*arguments, "--dry_run"]) == 0
    assert json.loads((guided / "config.json").read_text()) == before
    assert main(arguments) == 0
    sweep = json.loads((guided / SWEEP_FILE).read_text())
    assert sweep["best"] in (3.0, 5.0)
    assert set(sweep["quality"]) == {"3.0", "5.0"}
    assert json.loads((guided / "config.json").read_text()) == before | {"beta": sweep["best"]}
    assert "<- best" in capsys.readouterr().out


@pytest.mark.parametrize(("checkpoint", "message"), [("", "name the folder"), ("cloned", "no guided policy")])
def test_bad_input_is_one_line(
    checkpoint: str, message: str, cloned: Path, reward_dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = str(cloned) if checkpoint else ""
    assert main(["--checkpoint", named, "--dataset", str(reward_dataset)]) == 2
    assert message in capsys.readouterr().err


def test_a_dataset_without_votes_is_refused(
    guided: Path, reward_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    folder = tmp_path / "silent"
    shutil.copytree(reward_dataset, folder)
    for file in folder.glob("**/default/validation*.parquet"):
        table = parquet.read_table(file)
        index = table.schema.get_field_index("usefulness")
        empty = [[None] * len(row.as_py()) for row in table["usefulness"]]
        parquet.write_table(
            table.set_column(index, "usefulness", pyarrow.array(empty, table.schema[index].type)), file
        )
    assert main(["--checkpoint", str(guided), "--dataset", str(folder)]) == 2
    assert "has feedback" in capsys.readouterr().err


def test_a_solver_judges_where_a_command_is_given(
    guided: Path, reward_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says more each time it is asked, so the last beta is the best."""
    log, code = tmp_path / "log", tmp_path / "solver.py"
    code.write_text(
        "import json, sys; rows = [json.loads(line) for line in open(sys.argv[1])]\n"
        "assert rows and rows[0].keys() == {'problem_id', 'prompt', 'sub_questions'}\n"
        f"log = open({str(log)!r}, 'a+'); log.write('x'); log.seek(0); print('noise'); print(len(log.read()) / 10)\n",
        encoding="utf-8",
    )
    command = f"{sys.executable} {code} {{questions}}"
    arguments = ["--checkpoint", str(guided), "--dataset", str(reward_dataset), "--betas", "3", "5", "1"]
    assert main([*arguments, "--solver_command", command]) == 0
    sweep = json.loads((guided / SWEEP_FILE).read_text())
    assert sweep["accuracy"] == {"3.0": 0.1, "5.0": 0.2, "1.0": 0.3}
    assert json.loads((guided / "config.json").read_text())["beta"] == sweep["best"] == 1.0
    assert not (guided / "solver_questions.jsonl").exists()
    assert "accuracy 0.3000  <- best" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "message"), [("false {questions}", "failed"), ("echo none", "no number")])
def test_a_solver_that_fails_changes_nothing(
    command: str, message: str, guided: Path, reward_dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (guided / "config.json").read_bytes()
    arguments = ["--checkpoint", str(guided), "--dataset", str(reward_dataset), "--betas", "3"]
    assert main([*arguments, "--solver_command", command]) == 2
    assert message in capsys.readouterr().err
    assert (guided / "config.json").read_bytes() == before


def test_a_solver_judges_in_this_process(guided: Path, reward_dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "policy"
    shutil.copytree(guided, folder)
    arguments = [
        "--checkpoint",
        str(folder),
        "--dataset",
        str(reward_dataset),
        "--betas",
        "0",
        "2",
        "--problems",
        "4",
    ]
    assert main([*arguments, "--solver", "openai:micro-gsm-solver", "--solver_base_url", "micro_gsm"]) == 0
    assert set(json.loads((folder / SWEEP_FILE).read_text())["accuracy"]) == {"0.0", "2.0"}
