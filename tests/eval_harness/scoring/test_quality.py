"""Quality without a solver, and the published repetition figures from the published decompositions."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.core.files import read_jsonl
from dataset_builder.schema.records import Problem
from dataset_builder.solving.records import Decomposition
from dataset_builder.solving.texts import read_decomposition
from eval_harness.scoring.quality import decomposition_quality, order_agreement
from eval_harness.systems.recorded import questions_text


def test_order_counts_only_questions_that_turn_up() -> None:
    reference = ["How many pens has Ann?", "How many figs has Ben?", "What do all of them cost?"]
    assert order_agreement(reference, reference) == 1
    assert order_agreement(reference[::-1], reference) == -1
    assert order_agreement(["Who?"], reference) is None


def test_measures_against_references_need_one_for_every_problem(problems: list[Problem]) -> None:
    sets = [Decomposition(problem.reference_sub_questions) for problem in problems]
    assert decomposition_quality(problems, sets)["granularity"] == 1
    bare = [*problems[:2], Problem("x", "Who?", "1", "t")]
    assert decomposition_quality(bare, sets)["granularity"] is None


def test_sets_that_could_not_be_read_are_left_out(problems: list[Problem]) -> None:
    result = decomposition_quality(problems, [Decomposition(("Q?", "q"))] + [Decomposition()] * 2)
    assert (result["sets"], result["sets_with_repetition"]) == (1, 1.0)
    assert decomposition_quality(problems, [Decomposition()] * 3) == {"sets": 0}


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "repetition"),
    [
        ("eval_chat", 0.002),
        ("eval_finetune_dist", 0.39),
        ("eval_finetune", 0.13),
        ("eval_finetune_medium", 0.054),
        ("eval_filtered_bc_dist", 0.28),
        ("eval_filtered_bc", 0.11),
        ("eval_filtered_bc_medium", 0.032),
    ],
)
def test_repetition_of_the_published_decompositions(name: str, repetition: float, subq_data: Path) -> None:
    rows = read_jsonl(subq_data / "gsm8k_ai_subq" / "eval_responses" / "chatgpt" / f"{name}.jsonl.gz")
    problems = [Problem(str(index), row["problem"], "0", "gsm8k") for index, row in enumerate(rows)]
    sets = [read_decomposition(questions_text(row)) for row in rows]
    result = decomposition_quality(problems, sets)["sets_with_repetition"]
    assert result == pytest.approx(repetition, abs=0.005 if repetition >= 0.1 else 0.0005)
