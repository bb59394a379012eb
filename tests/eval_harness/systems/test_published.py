"""The paper's published sub-questions are a decomposer by the name that their home gives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Problem
from eval_harness.systems.published import published_decomposer

TEXTS = {"1": "Ann has 1 pen. How many pens has she?", "2": "What do two cups of tea at a pound each cost?"}
PROBLEMS = [Problem(f"t-{gold}", text, gold, "made", "test") for gold, text in TEXTS.items()]


def test_a_published_row_is_found_by_its_file_and_bears_what_the_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBQ_DATA", str(tmp_path))
    file = tmp_path / "gsm8k_ai_subq" / "eval_responses" / "llama7b" / "eval_finetune_dist.jsonl"
    file.parent.mkdir(parents=True)
    rows = [
        {"problem": item.problem, "questions": f"Q1: How many of {item.gold_answer}?"} for item in reversed(PROBLEMS)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    decomposer = published_decomposer("llama7b/eval_finetune_dist")
    assert decomposer.metadata["label"] == "published bc distilgpt2"
    assert decomposer.metadata["kind"] == "recorded"
    assert [item.sub_questions for item in decomposer.decompose(PROBLEMS, 0)] == [
        ("How many of 1?",),
        ("How many of 2?",),
    ]


@pytest.mark.parametrize("name", ["eval_finetune", "llama7b/eval_finetuned", "../llama7b/eval_finetune"])
def test_what_was_not_published_is_refused_before_anything_is_fetched(name: str) -> None:
    with pytest.raises(UserError, match="published:chatgpt/eval_finetune_dist"):
        published_decomposer(name)
