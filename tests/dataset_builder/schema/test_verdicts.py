"""Verdicts are one table, and every manual names all of them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from dataset_builder.answers.kinds import KINDS
from dataset_builder.schema.verdicts import VERDICT_TABLE, Verdict, verdicts_in_words

ROOT = Path(__file__).parents[3]


def test_every_verdict_has_a_row() -> None:
    assert tuple(VERDICT_TABLE) == get_args(Verdict)
    assert all(f"`{verdict}` ({row.meaning})" in verdicts_in_words() for verdict, row in VERDICT_TABLE.items())


@pytest.mark.parametrize("path", ["eval_harness/README.md", "eval_harness/metrics/subq_accuracy/README.md"])
def test_manuals_name_every_verdict(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert [verdict for verdict in VERDICT_TABLE if verdict not in text] == []


def test_the_metrics_manual_names_every_kind_of_answer() -> None:
    text = (ROOT / "eval_harness/metrics/subq_accuracy/README.md").read_text(encoding="utf-8")
    assert [name for name in KINDS if f"`{name}`" not in text] == []
