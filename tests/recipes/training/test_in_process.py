"""A solver in this process: what evaluation would have it say, and no decomposer or half-trained run in its place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.request import Request
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.text.student_format import format_solver_prompt
from eval_harness.systems.in_process import load_transformers
from recipes.models.checkpoint import RECORD_FILE
from recipes.training.in_process import check_solver_model, load_solver_model


def test_training_and_evaluation_are_answered_alike(trained_solver: Path) -> None:
    decoding = {"temperature": 0.0, "max_tokens": 20}
    prompts = [format_solver_prompt(item.problem, ["How many?"]) for item in generate_problems("test", 5, 0)]
    requests = [Request("answer", "m", ({"role": "user", "content": text},), decoding) for text in prompts]
    here, there = (load(str(trained_solver)).answer(requests) for load in (load_solver_model, load_transformers))
    assert [item.text for item in here] == [item.text for item in there]
    assert all(item.cost_usd == 0.0 and item.completion_tokens > 0 for item in here)


def test_only_what_has_learnt_to_answer_is_taken_for_a_solver(
    cloned: Path, trained_solver: Path, tmp_path: Path
) -> None:
    check_solver_model(str(trained_solver))
    check_solver_model("openai-community/gpt2")  # of other origin: nothing of it is here
    with pytest.raises(UserError, match=r"is a decomposer \(bc\), no solver"):
        check_solver_model(str(cloned))
    with pytest.raises(UserError, match="no checkpoint outputs/nowhere"):
        check_solver_model("outputs/nowhere")
    begun = shutil.copytree(trained_solver, tmp_path / "begun")
    (begun / RECORD_FILE).unlink()
    with pytest.raises(UserError, match="has not finished"):
        check_solver_model(str(begun))
