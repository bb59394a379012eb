"""The dataset card holds every count, no placeholder, and what the Hub asks for."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import yaml

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.dataset_folder.layout import read_facts, write_facts
from dataset_builder.stats.card import card_metadata, write_card
from dataset_builder.stats.card_check import card_problems
from dataset_builder.stats.croissant import CROISSANT_FILE
from tests.support.raw_sets import make_problem, make_set, make_sets, write_journal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = write_journal(tmp_path / "journal", make_sets())
    build_dataset(BuildConfig(journal=str(journal), output=str(tmp_path / "made"), validation_fraction=0.2))
    return tmp_path / "made"


def test_card_holds_no_placeholder_and_every_count(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert card_problems(folder) == []
    for split in read_facts(folder)["configs"]["default"].values():
        assert f" {split['rows']:,} |" in text
    assert "None" not in text
    assert "teacher-1" in text
    assert "decompose.v1@aaaa" in text
    for paper in ("2402.01812", "Divide-or-Conquer"):
        assert paper in text


def test_other_bytes_alone_change_the_cards_dataset_info(folder: Path) -> None:
    facts = read_facts(folder)
    before = card_metadata(folder, facts)["dataset_info"]
    facts["configs"]["solver"]["train"]["sha256"] = "0" * 64
    after = card_metadata(folder, facts)["dataset_info"]
    assert [a["config_name"] for a, b in zip(before, after, strict=True) if a != b] == ["solver"]


def test_card_data_of_the_hub_library_reads_the_yaml_back(folder: Path) -> None:
    from huggingface_hub import DatasetCard

    data = DatasetCard.load(folder / "README.md").data
    assert (data.license, data.pretty_name, data.language) == ("apache-2.0", "GSM8K-AI-SubQ", ["en"])
    assert data.to_dict()["configs"][0]["default"] is True


def test_share_alike_source_binds_the_whole(tmp_path: Path) -> None:
    import dataclasses

    problem = dataclasses.replace(make_problem(1, "test"), source="drop")
    journal = write_journal(tmp_path / "journal", [make_set(problem, votes=())])
    build_dataset(BuildConfig(journal=str(journal), output=str(tmp_path / "drop")))
    front = (tmp_path / "drop" / "README.md").read_text(encoding="utf-8").split("---\n")[1]
    assert yaml.safe_load(front)["license"] == "cc-by-sa-4.0"


def test_missing_fact_is_an_error_not_a_gap(folder: Path) -> None:
    facts = read_facts(folder)
    del facts["leak_check"]
    write_facts(folder, facts)
    with pytest.raises(Exception, match="leak_check"):
        write_card(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("license: apache-2.0", "license: my-own", "license"),
        ("num_examples: 5", "num_examples: 6", "the card says 6 rows, the files hold 5"),
        ("  default: true", "  default: false", "exactly the config named default"),
        ("## Citation", "## Citation\n\n[More Information Needed]", "placeholder"),
        ("## Citation", "![gone](figures/gone.png)", "not in the folder"),
    ],
)
def test_check_names_what_the_hub_would_refuse(folder: Path, old: str, new: str, message: str) -> None:
    path = folder / "README.md"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert any(message in problem for problem in card_problems(folder))


def test_script_in_the_folder_is_refused(folder: Path) -> None:
    (folder / "made.py").write_text("")
    assert any("script" in problem for problem in card_problems(folder))


def test_croissant_validates_and_gives_the_rows(folder: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = mlcroissant.Dataset(jsonld=str(folder / CROISSANT_FILE))
        assert dataset.metadata.issues.errors == set()
        first = next(iter(dataset.records(record_set="default_test")))
    assert first["default_test/problem_id"] == b"made-test-01000"
    assert len(json.loads((folder / CROISSANT_FILE).read_text())["recordSet"]) >= 7
