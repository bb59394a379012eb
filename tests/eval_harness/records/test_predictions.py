"""Predictions come back from disk as they were written; a bad line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Failure
from dataset_builder.solving.records import Decomposition, Reply, Usage
from eval_harness.records.predictions import Prediction, load_predictions, write_predictions

FULL = Prediction(
    "t-0",
    2,
    Decomposition(("Q?", "R?"), "Q1: Q?\nQ2: R?", usage=Usage(10, 4, 0.5, 1.5)),
    Reply(None, failure=Failure("answer", "timeout", "5 s"), usage=Usage(3, 0, None, 5.0)),
)


def test_predictions_come_back_from_disk_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "p" / "x.jsonl"
    sha256 = write_predictions(path, [FULL])
    assert load_predictions(path) == [FULL]
    assert write_predictions(path, [FULL]) == sha256


def test_a_line_separator_in_a_text_ends_no_line(tmp_path: Path) -> None:
    odd = Prediction("t-1", 0, Decomposition(("Q\u2028?",)), Reply("A1: 5\u2029\x85 end"))
    write_predictions(tmp_path / "x.jsonl", [odd, FULL])
    assert load_predictions(tmp_path / "x.jsonl") == [odd, FULL]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    write_predictions(path, [FULL])
    path.write_text(path.read_text(encoding="utf-8") + '{"problem_id": "t-1"}\n', encoding="utf-8")
    with pytest.raises(UserError, match="line 2"):
        load_predictions(path)


def test_the_first_failure_is_the_predictions_failure() -> None:
    assert FULL.failure is not None
    assert FULL.failure.stage == "answer"
