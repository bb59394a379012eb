"""What is published of a checkpoint: the weights as safetensors, the records without local paths, nothing else."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import yaml

from dataset_builder.core.errors import UserError
from dataset_builder.hub.secrets import find_secrets
from eval_harness.records.results import write_record
from model_cards.card.base import Base
from model_cards.card.config import CardConfig
from model_cards.card.content import CardContent, gather_content
from model_cards.publication import missing_before_push
from model_cards.release import Release, stage_release, without_paths
from recipes.training.record import write_train_record
from tests.support.records import TRAINING, result

HOME = "/home/ann/runs"
RECIPE = TRAINING.resolved_recipe | {
    "backbone": "tiny",
    "dataset": f"{HOME}/gsm8k-ai-subq",
    "init_from": "outputs/demo/bc",
    "output_dir": f"{HOME}/filtered_bc",
}


@pytest.fixture
def facts(checkpoint: Path, results: Path, dataset: Path) -> CardContent:
    """Facts of a checkpoint that lies full of things that are nobody's business."""
    own = {"path": f"{HOME}/gsm8k-ai-subq", "examples_sha256": "b" * 64}
    record = dataclasses.replace(TRAINING, dataset=own, resolved_recipe=RECIPE)
    write_train_record(record, checkpoint)
    for folder in (checkpoint, checkpoint / "value"):
        folder.mkdir(exist_ok=True)
        (folder / "adapter_config.json").write_text(json.dumps({"r": 4, "base_model_name_or_path": f"{HOME}/bc"}))
        (folder / "adapter_model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    for name in ("tokenizer.json", "run_inputs.json", "training_args.bin", "optimizer.pt", "first_example.txt"):
        (checkpoint / name).write_text(HOME)
    (checkpoint / "tokenizer.json").write_text("{}")
    (checkpoint.parent / "bc").mkdir()  # the adapter's base, found beside it
    (checkpoint.parent / "bc" / "config.json").write_text("{}")
    write_record(result("filtered_bc", 131, checkpoint), results / "results" / "filtered_bc--solver.json")
    given = {"repo_id": "me/subq", "dataset_id": "me/data", "dataset_revision": "v1"}
    return gather_content(
        CardConfig(checkpoint=str(checkpoint), results=str(results), dataset=str(dataset), base_model="gpt2", **given)
    )


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    (tmp_path / "staging").mkdir()
    return tmp_path / "staging"


def test_release_is_weights_tokenizer_card_and_records_without_a_local_path(
    facts: CardContent, checkpoint: Path, results: Path, staging: Path
) -> None:
    files = stage_release(facts, checkpoint, staging, Release())
    assert list(files) == [
        ".eval_results/data.yaml",
        "README.md",
        "accuracy.png",
        "adapter_config.json",
        "adapter_model.safetensors",
        "loss.png",
        "recipe.yaml",
        "tokenizer.json",
        "train_record.json",
        "value/adapter_config.json",
        "value/adapter_model.safetensors",
    ]
    assert find_secrets(files.values()) == []
    for name in ("adapter_config.json", "value/adapter_config.json"):
        assert json.loads(files[name].read_text()) == {"r": 4, "base_model_name_or_path": "gpt2"}
    recipe = yaml.safe_load(files["recipe.yaml"].read_text())
    assert (recipe["backbone"], recipe["dataset"], recipe["init_from"]) == ("tiny", "gsm8k-ai-subq", "bc")
    record = json.loads(files["train_record.json"].read_text())
    assert (record["dataset"]["path"], record["dataset"]["revision"]) == ("me/data", "v1")
    assert record["resolved_recipe"] == recipe


@pytest.mark.parametrize("form", ["merged", "gguf"])
def test_a_policy_guided_by_values_has_no_merged_form(
    facts: CardContent, checkpoint: Path, results: Path, staging: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model_cards.release.find_converter", lambda given: "converter")
    guided = dataclasses.replace(facts, form="guided")
    with pytest.raises(UserError, match="but a guided model: push it as_trained"):
        stage_release(guided, checkpoint, staging, Release(form))


@pytest.mark.parametrize(("form", "lacks"), [("as_trained", ["the adapter's base has no Hub id"]), ("merged", [])])
def test_an_adapter_whose_base_is_a_folder_is_pushed_only_merged(
    facts: CardContent, form: str, lacks: list[str]
) -> None:
    adapter = dataclasses.replace(facts, base=Base(None, "bc", "gpt2"))
    assert [lack.partition(":")[0] for lack in missing_before_push(adapter, Release(form))] == lacks


def test_a_dry_run_shows_all_but_the_weights_that_are_not_made_yet(
    facts: CardContent, checkpoint: Path, results: Path, staging: Path
) -> None:
    files = stage_release(facts, checkpoint, staging, Release("merged", with_weights=False))
    assert {"README.md", "tokenizer.json", "train_record.json"} <= set(files)
    assert not [name for name in files if name.endswith((".safetensors", "adapter_config.json"))]


def test_no_absolute_path_is_left_in_a_published_record() -> None:
    own = {
        "deepspeed": "/data/runs/zero3.json",
        "stop": ["\nProblem:"],
        "windows": r"C:\\runs\\bc",
        "rate": "3/4",
        "id": "a/b",
    }
    expected = {"deepspeed": "zero3.json", "stop": ["\nProblem:"], "windows": "bc", "rate": "3/4", "id": "a/b"}
    assert without_paths(own) == expected
