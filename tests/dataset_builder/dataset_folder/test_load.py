"""A dataset is loaded by folder or Hub id; what is missing is named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.layout import KIND, read_facts, write_facts
from dataset_builder.dataset_folder.load import load_subq
from dataset_builder.schema.columns import features
from tests.support.raw_sets import make_set, make_sets, write_journal


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("load")
    journal = write_journal(target / "journal", make_sets())
    build_dataset(BuildConfig(journal=str(journal), output=str(target / "gsm8k-ai-subq"), validation_fraction=0.2))
    return target / "gsm8k-ai-subq"


@pytest.mark.parametrize("config", ["default", "preference", "trajectories"])
def test_config_comes_with_the_schemas_features(folder: Path, config: str) -> None:
    assert load_subq(config, "train", str(folder)).features == features(config)


def test_relative_folder_name_is_the_folder_not_a_hub_id(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent.parent)
    assert len(load_subq("default", "test", f"{folder.parent.name}/gsm8k-ai-subq")) == 5


@pytest.mark.parametrize(
    ("config", "split", "message"),
    [
        ("reference", "train", "it has default, raw, prompt_completion"),
        ("preference", "test", "it has train, validation"),
    ],
)
def test_what_is_missing_is_named_with_what_there_is(folder: Path, config: str, split: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_subq(config, split, str(folder))


def test_without_votes_or_better_sets_the_remedy_is_named(tmp_path: Path) -> None:
    journal = write_journal(tmp_path / "run", [make_set(votes=())])
    build_dataset(BuildConfig(journal=str(journal), output=str(tmp_path / "made")))
    with pytest.raises(UserError, match=r"has no feedback, .*'trajectories' is made of: generate with --votes 3"):
        load_subq("trajectories", "train", str(tmp_path / "made"))
    with pytest.raises(UserError, match=r"has no preference pairs, .*generate with more --sets"):
        load_subq("preference", "train", str(tmp_path / "made"))


def test_folder_of_another_schema_is_refused_with_the_way_to_convert_it(folder: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(folder, tmp_path / "old"))
    write_facts(old, read_facts(old) | {"schema_version": "0.9.0"})
    with pytest.raises(UserError, match=r"has schema 0\.9\.0, and this toolkit reads 1\.0\.0; convert it by"):
        load_subq(path=str(old))
    journal = write_journal(tmp_path / "run", make_sets())
    build_dataset(BuildConfig(journal=str(journal), output=str(old), validation_fraction=0.2))
    assert len(load_subq(path=str(old))) > 0


def test_missing_folder_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not exist; build it with"):
        load_subq(path=str(tmp_path / "nothing"))


def test_revision_of_a_local_folder_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="has no revision"):
        load_subq("default", "test", str(folder), revision="v1")


def test_hub_id_offline_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"org/nothing"):
        load_subq(path="org/nothing")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"configs": {"default": {"test": {"rows": "5"}}}}, r"facts.json: configs.default.test.rows: .*; build the"),
        ({"schema_version": None}, r"facts.json: schema_version: .*, found None; build the dataset again"),
    ],
)
def test_damaged_facts_are_named_by_their_key(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    facts = {"kind": KIND, "schema_version": "1.0.0", "configs": {"default": {"test": {"rows": 5}}}}
    write_facts(tmp_path, facts)
    assert read_facts(tmp_path) == facts
    write_facts(tmp_path, facts | change)
    with pytest.raises(UserError, match=text):
        read_facts(tmp_path)
