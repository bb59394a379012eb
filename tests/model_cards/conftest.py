"""A finished checkpoint without weights, its evaluation and the dataset's facts, made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.dataset_folder.layout import write_facts
from eval_harness.records.results import write_record
from recipes.training.record import write_train_record
from tests.support.records import DATASET_FACTS, TRAINING, result


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "filtered_bc"
    folder.mkdir()
    (folder / "README.md").write_text("# Model Card for Model ID\n[More Information Needed]\n")
    write_train_record(TRAINING, folder)
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "gsm8k-ai-subq"
    folder.mkdir()
    write_facts(folder, DATASET_FACTS)
    return folder


@pytest.fixture
def results(tmp_path: Path, checkpoint: Path) -> Path:
    folder = tmp_path / "eval"
    (folder / "results").mkdir(parents=True)
    for record in (result("filtered_bc", 131, checkpoint), result("teacher", 137), result("none", 21)):
        write_record(record, folder / "results" / f"{record.name}.json")
    return folder
