"""A card says what the records say, all of it, and nothing that no record backs."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
import yaml

from dataset_builder.errors import UserError
from eval_harness.results import RESULTS_SCHEMA_VERSION, ResultsRecord, write_record
from model_cards.cards import main
from model_cards.facts import gather_facts
from recipes.record import TrainRecord, write_train_record

TRAINING = TrainRecord(
    method="filtered_bc",
    recipe="tiny/filtered_bc_lora",
    recipe_sha256="a" * 64,
    backbone="tiny",
    adapter="lora",
    init_from="outputs/demo/bc",
    dataset={"path": "outputs/demo/gsm8k-ai-subq", "config": "prompt_completion", "examples_sha256": "b" * 64},
    examples=1234,
    dropped_examples=566,
    updates=200,
    effective_batch_size=64,
    micro_batch_size=64,
    trained_tokens=345678,
    read_tokens=999999,
    parameters=700000,
    trainable_parameters=50000,
    seconds=33.3,
    tokens_per_second=30030.0,
    peak_memory_gib=0.91,
    peak_memory_kind="host",
    train_loss=0.1234,
    validation_loss=0.2345,
    loss_curve=[[10, 1.0], [20, 0.5]],
    seed=0,
    device="cpu, 2 threads",
    precision="float32",
    versions={"torch": "2.13.0", "trl": "1.16.0"},
    commit=None,
    resolved_recipe={"method": "filtered_bc", "text_format": "delimiters"},
)


def result(label: str, correct: int, checkpoint: Path | None = None, failed: int = 0) -> ResultsRecord:
    kind = {"kind": "checkpoint", "checkpoint": str(checkpoint), "recipe_sha256": "a" * 64} if checkpoint else {}
    accuracy = correct / 200
    return ResultsRecord(
        schema_version=RESULTS_SCHEMA_VERSION,
        name=f"{label}--solver",
        created_at="2026-11-20T20:00:00+00:00",
        commit="c" * 40,
        dirty=False,
        packages={},
        config={},
        dataset={"source": "micro_gsm", "split": "test", "problems": 200, "revision": None, "sha256": "d" * 64},
        decomposer={"kind": label, "label": label, **kind},
        solver={"kind": "openai", "label": "micro-gsm-solver"},
        prompts={},
        stop_strings=["Problem:"],
        rule="first_marker",
        seeds=[0],
        n=200,
        counts={
            "correct": correct,
            "incorrect": 197 - correct - failed,
            "no_answer": 3,
            "parse_failure": 0,
            "request_failed": failed,
        },
        accuracy=accuracy,
        mean_score=accuracy,
        interval={"low": max(0.0, accuracy - 0.07), "high": accuracy + 0.07, "method": "wilson", "level": 0.95},
        accuracy_per_seed={"0": accuracy},
        usage={},
        cut={},
        wall_s=1.0,
        energy_wh=None,
        quality={},
        predictions={},
        publishable=not failed,
    )


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "filtered_bc"
    folder.mkdir()
    (folder / "README.md").write_text("# Model Card for Model ID\n[More Information Needed]\n")
    write_train_record(TRAINING, folder)
    return folder


@pytest.fixture
def results(tmp_path: Path, checkpoint: Path) -> Path:
    folder = tmp_path / "eval"
    (folder / "results").mkdir(parents=True)
    for record in (result("filtered_bc", 131, checkpoint), result("teacher", 137), result("none", 21)):
        write_record(record, folder / "results" / f"{record.name}.json")
    (folder / "accuracy.png").write_bytes(b"\x89PNG")
    return folder


def card_of(checkpoint: Path, results: Path, *extra: str) -> tuple[dict[str, object], str]:
    assert main(["--checkpoint", str(checkpoint), "--results", str(results), *extra]) == 0
    _, front, body = (checkpoint / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def test_the_card_replaces_pefts_and_holds_every_row_with_its_interval(checkpoint: Path, results: Path) -> None:
    front, body = card_of(checkpoint, results)
    assert front["library_name"] == "peft"
    assert "| **filtered_bc** (this model) | micro-gsm-solver | 65.5 % | 58.5 to 72.5 % | 200 | 3 |" in body
    assert "| teacher | micro-gsm-solver | 68.5 %" in body
    assert "| none | micro-gsm-solver | 10.5 % |" in body
    assert "1,234 (566 left out by the method)" in body
    assert (checkpoint / "accuracy.png").is_file()
    assert "![" in body


def test_no_placeholder_no_missing_name_and_no_local_path_is_left(checkpoint: Path, results: Path) -> None:
    front, body = card_of(checkpoint, results)
    text = yaml.safe_dump(front) + body
    assert not re.search(r"more information needed|todo|undefined|none\b(?! \|)|\{\{|nan\b", text, re.IGNORECASE)
    assert str(checkpoint.parent) not in text
    assert "outputs/" not in text


def test_a_model_made_from_random_weights_has_no_base_and_a_real_one_has_its_hub_id(
    checkpoint: Path, results: Path
) -> None:
    front, body = card_of(checkpoint, results)
    assert "base_model" not in front
    assert "random weights" in body
    write_train_record(dataclasses.replace(TRAINING, backbone="mistralai/Mistral-7B-v0.1"), checkpoint)
    front, body = card_of(checkpoint, results, "--licence", "apache-2.0", "--dataset_id", "me/gsm8k-ai-subq")
    assert front["base_model"] == "mistralai/Mistral-7B-v0.1"
    assert front["base_model_relation"] == "adapter"
    assert front["datasets"] == ["me/gsm8k-ai-subq"]


def test_a_base_model_without_a_licence_is_an_error_that_names_it(checkpoint: Path, results: Path) -> None:
    write_train_record(dataclasses.replace(TRAINING, backbone="mistralai/Mistral-7B-v0.1"), checkpoint)
    with pytest.raises(UserError, match="licence of the weights is missing"):
        gather_facts(checkpoint, results)


def test_a_local_base_without_its_hub_id_is_an_error_that_names_it(checkpoint: Path, results: Path) -> None:
    write_train_record(dataclasses.replace(TRAINING, backbone="/models/mistral"), checkpoint)
    with pytest.raises(UserError, match="give --base_model"):
        gather_facts(checkpoint, results)


def test_scores_with_failed_requests_are_not_put_on_a_card(checkpoint: Path, results: Path) -> None:
    record = result("teacher", 100, failed=2)
    write_record(record, results / "results" / f"{record.name}.json")
    with pytest.raises(UserError, match="not publishable"):
        gather_facts(checkpoint, results)


def test_an_evaluation_of_another_checkpoint_is_refused(checkpoint: Path, results: Path) -> None:
    (results / "results" / "filtered_bc--solver.json").unlink()
    with pytest.raises(UserError, match="no row of"):
        gather_facts(checkpoint, results)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "--checkpoint is missing"),
        (["--checkpoint", "nowhere", "--results", "nowhere"], "no folder nowhere"),
        (["--checkpont", "x"], "did you mean '--checkpoint'"),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_the_records_json_alone_makes_the_card(checkpoint: Path, results: Path) -> None:
    before = card_of(checkpoint, results)
    values = json.loads((checkpoint / "train_record.json").read_text())
    assert values["method"] in before[1]
    assert card_of(checkpoint, results) == before
