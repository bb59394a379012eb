"""The dataset's `eval.yaml` is what inspect-ai reads, and there is none where the test split gives no benchmark."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.dataset_folder.layout import read_facts
from dataset_builder.prompts import load_prompt
from dataset_builder.schema.records import RawSet
from dataset_builder.stats.benchmark import BENCHMARK_FILE, TASK_ID, decompose_template, write_benchmark
from tests.support.raw_sets import make_problem, make_set, write_journal


def built(tmp_path: Path, sets: Sequence[RawSet]) -> Path:
    build_dataset(BuildConfig(journal=str(write_journal(tmp_path / "journal", sets)), output=str(tmp_path / "made")))
    return tmp_path / "made"


def test_one_task_names_the_config_and_the_columns_it_reads(tmp_path: Path) -> None:
    folder = built(tmp_path, [make_set(make_problem(number, "test")) for number in range(3)])
    values = yaml.safe_load((folder / BENCHMARK_FILE).read_text())
    (task,) = values["tasks"]
    assert values["evaluation_framework"] == "inspect-ai"
    assert (task["id"], task["config"], task["split"]) == (TASK_ID, "default", "test")
    assert task["field_spec"] == {"input": "problem", "target": "gold_answer", "metadata": ["problem_id", "problem"]}
    assert [solver["name"] for solver in task["solvers"]] == [
        "prompt_template",
        "generate",
        "user_message",
        "generate",
    ]
    assert "benchmark" in (folder / "README.md").read_text()


def test_inspects_own_reader_takes_the_task(tmp_path: Path) -> None:
    reader = pytest.importorskip("inspect_ai._eval.task.hf", reason="inspect_ai is not installed")
    folder = built(tmp_path, [make_set(make_problem(1, "test"))])
    for task in yaml.safe_load((folder / BENCHMARK_FILE).read_text())["tasks"]:
        assert reader.HFTask.model_validate(task).id == TASK_ID


def test_prompt_in_inspects_notation_reads_as_ours_once_it_is_filled() -> None:
    problem = "How many {braces} are there?"
    assert decompose_template().format(prompt=problem) == load_prompt("decompose.v1").fill(problem=problem)


@pytest.mark.parametrize(
    "sets",
    [
        [make_set(make_problem(1, "train"))],
        [make_set(make_problem(1, "test"), index) for index in range(2)],
        [make_set(dataclasses.replace(make_problem(1, "test"), passage="Long ago ..."))],
    ],
    ids=["no test split", "two sets a problem", "the problem needs its passage"],
)
def test_no_benchmark_where_a_row_is_not_a_problem_by_itself(tmp_path: Path, sets: Sequence[RawSet]) -> None:
    folder = built(tmp_path, sets)
    assert not (folder / BENCHMARK_FILE).exists()
    (folder / BENCHMARK_FILE).write_text("old")
    write_benchmark(folder, read_facts(folder))
    assert not (folder / BENCHMARK_FILE).exists()
