"""Each kind of decomposer gives sub-questions, says what it is, and refuses what it cannot do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Problem
from eval_harness.systems.decomposers import CheckpointDecomposer, DecomposerOptions, make_decomposer
from recipes.models.checkpoint import checkpoint_fingerprint
from recipes.training.record import write_train_record
from tests.support.records import TRAINING


@pytest.fixture
def options(tmp_path: Path) -> DecomposerOptions:
    return DecomposerOptions(ServiceSettings(), tmp_path / "journal.sqlite")


def test_reference_gives_the_sources_own_questions(options: DecomposerOptions, problems: list[Problem]) -> None:
    result = make_decomposer("reference", options).decompose(problems, 0)
    assert [item.sub_questions for item in result] == [("How many?",), ("Left?",), ("Cost?",)]


def test_reference_of_a_source_without_questions_is_a_user_error(options: DecomposerOptions) -> None:
    with pytest.raises(UserError, match="no reference sub-questions"):
        make_decomposer("reference", options).decompose([Problem("x", "?", "1", "x")], 0)


@pytest.mark.parametrize("style", ["none", "direct", "self_ask", "cot_few_shot@5"])
def test_single_stage_rows_need_no_questions(style: str, options: DecomposerOptions, problems: list[Problem]) -> None:
    decomposer = make_decomposer(style, options)
    assert decomposer.metadata["label"] == style
    assert all(item.none_needed for item in decomposer.decompose(problems, 0))


@pytest.mark.parametrize("spec", ["api", "checkpoint:", "gpt", "recorded", ""])
def test_an_unknown_decomposer_names_the_known_ones(spec: str, options: DecomposerOptions) -> None:
    with pytest.raises(UserError, match="expected one of checkpoint:PATH"):
        make_decomposer(spec, options)


def test_recorded_questions_are_read_in_both_forms(
    options: DecomposerOptions, problems: list[Problem], tmp_path: Path
) -> None:
    rows = [
        {
            "problem": problems[2].problem,
            "questions": "Q1: Cost of a pair?\nQ2: Of two?",
            "answers": "",
            "answer": 1.0,
        },
        {"problem": problems[0].problem, "sub_questions": ["How many?"]},
        {"problem": problems[1].problem, "questions": "nothing to read here"},
    ]
    path = tmp_path / "sets.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    decomposer = make_decomposer(f"recorded:{path}", options)
    first, second, third = decomposer.decompose(problems, 0)
    assert first.sub_questions == ("How many?",)
    assert third.sub_questions == ("Cost of a pair?", "Of two?")
    assert second.failure is not None
    assert second.failure.kind.startswith("parse:")
    assert decomposer.metadata["label"] == "sets"


@pytest.mark.parametrize("path", ["outputs/nowhere/bc", "./nowhere/bc"])
def test_a_missing_checkpoint_is_a_user_error(path: str, options: DecomposerOptions) -> None:
    with pytest.raises(UserError, match=f"no checkpoint {path}"):
        make_decomposer(f"checkpoint:{path}", options)


def test_an_adapter_without_its_base_is_a_user_error(options: DecomposerOptions, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    base = {"base_model_name_or_path": str(tmp_path / "gone")}
    (adapter / "adapter_config.json").write_text(json.dumps(base), encoding="utf-8")
    with pytest.raises(UserError, match="needs its base"):
        make_decomposer(f"checkpoint:{adapter}", options)


def test_a_checkpoints_label_is_its_own_records_method(options: DecomposerOptions, tmp_path: Path) -> None:
    folder = tmp_path / "some_name"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    write_train_record(replace(TRAINING, recipe_sha256="ab"), folder)
    metadata = make_decomposer(f"checkpoint:{folder}", options).metadata
    assert (metadata["label"], metadata["recipe_sha256"]) == ("filtered_bc", "ab")


def test_other_weights_have_another_fingerprint_and_an_adapters_base_counts(tmp_path: Path) -> None:
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    for folder in (base, adapter):
        folder.mkdir()
    (base / "config.json").write_text("{}", encoding="utf-8")
    (base / "model.safetensors").write_bytes(b"one")
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}), encoding="utf-8")
    before = checkpoint_fingerprint(base), checkpoint_fingerprint(adapter)
    (base / "model.safetensors").write_bytes(b"two")
    after = checkpoint_fingerprint(base), checkpoint_fingerprint(adapter)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_a_checkpoint_decodes_once_and_is_read_from_the_journal_afterwards(
    options: DecomposerOptions, problems: list[Problem], tiny_model: Path
) -> None:
    spec = f"checkpoint:{tiny_model}"
    first = make_decomposer(spec, replace(options, max_new_tokens=6)).decompose(problems, 0)
    again = make_decomposer(spec, replace(options, max_new_tokens=6))
    assert again.decompose(problems, 0) == first
    assert getattr(again, "_policy", "never set") is None
    assert all(item.usage.prompt_tokens > 0 and item.usage.completion_tokens > 0 for item in first)
    assert all(item.failure is not None and item.failure.kind.startswith("parse:") for item in first)


def test_weights_in_a_sub_folder_count_and_those_of_a_run_under_way_do_not(tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "model.safetensors").write_bytes(b"one")
    before = checkpoint_fingerprint(tmp_path)
    (tmp_path / "checkpoints" / "checkpoint-5").mkdir(parents=True)
    (tmp_path / "checkpoints" / "checkpoint-5" / "model.safetensors").write_bytes(b"other")
    assert checkpoint_fingerprint(tmp_path) == before
    (tmp_path / "policy" / "model.safetensors").write_bytes(b"two")
    assert checkpoint_fingerprint(tmp_path) != before


def test_a_checkpoint_keeps_its_weights_when_it_gets_another_journal(
    options: DecomposerOptions, tmp_path: Path
) -> None:
    (tmp_path / "bc").mkdir()
    (tmp_path / "bc" / "config.json").touch()
    decomposer = make_decomposer(f"checkpoint:{tmp_path / 'bc'}", options)
    assert isinstance(decomposer, CheckpointDecomposer)
    decomposer._policy = weights = object()
    twin = decomposer.with_journal(tmp_path / "other.sqlite")
    assert twin._policy is weights
    assert (twin.options.journal, decomposer.options.journal) == (tmp_path / "other.sqlite", options.journal)
