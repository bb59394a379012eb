"""An evaluation's output, made by hand: two decomposers on three problems."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.solving.records import Decomposition, Reply
from eval_harness.records.predictions import Prediction, write_predictions
from eval_harness.records.problems import write_problems
from eval_harness.records.results import write_record
from tests.support.records import result


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    output = tmp_path / "eval"
    problems = generate_problems("test", 3, 0)
    write_problems(problems, output)
    for label, correct in (("reference", 180), ("none", 20)):
        predictions = [
            Prediction(
                problem.problem_id,
                0,
                Decomposition(
                    problem.reference_sub_questions if label == "reference" else (), none_needed=label == "none"
                ),
                Reply(
                    "A1: <b>1</b>\nA2: 2\n\nFinal answer: " + (problem.gold_answer if label == "reference" else "7")
                ),
            )
            for problem in problems
        ]
        path = f"predictions/{label}--solver.jsonl"
        sha256 = write_predictions(output / path, predictions)
        record = dataclasses.replace(result(label, correct), predictions={"path": path, "sha256": sha256})
        write_record(record, output / "results" / f"{record.name}.json")
    return output
