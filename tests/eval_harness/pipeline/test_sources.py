"""Names, files and datasets give problems; a record knows them by name and hash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import file_sha256
from dataset_builder.dataset_folder.layout import default_sha256
from eval_harness.pipeline.sources import ANY_SPLIT, dataset_metadata, load_source
from tests.support.raw_sets import make_sets, write_journal


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    sets = [one for one in make_sets(40) if one.problem.split == "train"]
    generation = write_journal(tmp_path / "gen", sets)
    build_dataset(BuildConfig(generation=str(generation), output=str(tmp_path / "mine"), validation_fraction=0.2))
    return tmp_path / "mine"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "physics.jsonl"
    path.write_text(json.dumps({"question": "How far?", "answer": "5"}) + "\n", encoding="utf-8")
    return path


def test_a_file_belongs_to_no_split_unless_one_is_named(file: Path) -> None:
    problems = load_source(str(file), ANY_SPLIT, None)
    facts = dataset_metadata(problems, str(file), ANY_SPLIT)
    assert (facts["source"], facts["kind"], facts["split"], facts["problems"]) == ("physics.jsonl", "file", "", 1)
    assert facts["source_sha256"] == file_sha256(file)
    assert dataset_metadata(problems, str(file), "validation")["split"] == "validation"
    assert str(file.parent) not in json.dumps(facts)


def test_a_named_source_gives_its_test_split() -> None:
    problems = load_source("micro_gsm", ANY_SPLIT, 3)
    assert {problem.split for problem in problems} == {"test"}
    facts = dataset_metadata(problems, "micro_gsm", ANY_SPLIT)
    assert (facts["source"], facts["kind"], facts["split"]) == ("micro_gsm", "named", "test")


def test_a_datasets_validation_split_can_be_scored(dataset: Path) -> None:
    problems = load_source(str(dataset), "validation", None)
    train = load_source(str(dataset), "train", 2)
    assert problems
    assert len(train) == 2
    assert len({problem.problem_id for problem in problems}) == len(problems)
    assert not {problem.problem_id for problem in problems} & {problem.problem_id for problem in train}
    assert all(problem.gold_answer and problem.split == "validation" for problem in problems)
    facts = dataset_metadata(problems, str(dataset), "validation")
    assert (facts["source"], facts["kind"], facts["split"]) == ("mine", "dataset", "validation")
    assert facts["source_sha256"] == default_sha256(dataset)["validation"]
    assert str(dataset.parent) not in json.dumps(facts)


@pytest.mark.parametrize(
    ("source", "message"), [("mine", "has no 'test' split"), ("gen", "holds no facts.json"), ("no.jsonl", "neither")]
)
def test_what_is_not_there_is_one_line(source: str, message: str, dataset: Path) -> None:
    with pytest.raises(UserError, match=message):
        load_source(str(dataset.with_name(source)), ANY_SPLIT, None)
