"""The builder class gives `datasets` the rows of the published raw files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.layout import iterate_rows, splits_by_config
from dataset_builder.gsm8k_ai_subq import GSM8KAISubQ
from dataset_builder.schema.columns import features


@pytest.fixture
def raw_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A train and a test file in the published raw form, with GSM8K's own files where they are looked for."""
    for split, sets in (("train", 3), ("test", 1)):
        rows, golds = [], []
        for number in range(4):
            problem = f"In {split}, Ann has {number} pens and buys 2. How many pens?"
            row = {
                "problem": problem,
                "questions": [f"Q1: How many pens, try {index}?" for index in range(sets)],
                "answers": [f"A1: {number}+2\n\nFinal answer: {number + 2 + (index == 1)}" for index in range(sets)],
                "answer": f"#### {number + 2}",
            }
            rows.append(row | ({"feedback": [["Q1: Yes"] * 3] * sets} if split == "train" else {}))
            golds.append({"question": problem, "answer": f"{number}+2\n#### {number + 2}"})
        folder = tmp_path / "gsm8k_ai_subq"
        folder.mkdir(exist_ok=True)
        (tmp_path / "gsm8k").mkdir(exist_ok=True)
        (folder / f"qg_{split}_data_raw.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / "gsm8k" / f"{split}.jsonl").write_text("".join(json.dumps(gold) + "\n" for gold in golds))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "gsm8k_ai_subq"


@pytest.mark.parametrize("config", ["default", "raw", "preference", "solver"])
def test_prepared_rows_are_those_of_the_built_folder(raw_folder: Path, tmp_path: Path, config: str) -> None:
    builder = GSM8KAISubQ(config_name=config, data_dir=str(raw_folder), cache_dir=str(tmp_path / "cache"))
    builder.download_and_prepare()
    dataset = builder.as_dataset()
    files = [str(raw_folder / f"qg_{split}_data_raw.jsonl") for split in ("train", "test")]
    build_dataset(BuildConfig(raw=files, output=str(tmp_path / "out"), validation_fraction=0.0))
    assert list(dataset) == splits_by_config(tmp_path / "out")[config]
    for split, rows in dataset.items():
        assert rows.features == features(config)
        assert list(rows) == list(iterate_rows(tmp_path / "out", config, [split]))


def test_streaming_gives_rows_without_preparing(raw_folder: Path, tmp_path: Path) -> None:
    files = {"test": str(raw_folder / "qg_test_data_raw.jsonl")}
    builder = GSM8KAISubQ(config_name="prompt_completion", data_files=files, cache_dir=str(tmp_path / "cache"))
    first = next(iter(builder.as_streaming_dataset(split="test")))
    assert first["completion"] == " <QUE> How many pens, try 0? </QUE>"


def test_default_config_is_default() -> None:
    assert GSM8KAISubQ.DEFAULT_CONFIG_NAME in {config.name for config in GSM8KAISubQ.BUILDER_CONFIGS}


def test_config_without_any_rows_is_named(raw_folder: Path, tmp_path: Path) -> None:
    files = {"test": str(raw_folder / "qg_test_data_raw.jsonl")}
    builder = GSM8KAISubQ(config_name="trajectories", data_files=files, cache_dir=str(tmp_path / "cache"))
    with pytest.raises(UserError, match="no rows for config 'trajectories'"):
        builder.download_and_prepare()


def test_folder_without_raw_files_is_named(tmp_path: Path) -> None:
    builder = GSM8KAISubQ(data_dir=str(tmp_path), cache_dir=str(tmp_path / "cache"))
    with pytest.raises(UserError, match="holds none of"):
        builder.download_and_prepare()
