"""BLEU and granularity by hand, the published repetition figures from the published decompositions."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from dataset_builder.schema import Problem
from eval_harness.decomposers import read_sub_questions
from eval_harness.predictions import Decomposition
from eval_harness.quality import asks_given, bleu, decomposition_quality, fluency, granularity, order_agreement
from eval_harness.recorded import questions_text, read_jsonl


@pytest.mark.parametrize(
    ("generated", "reference", "value"), [(4, 4, 1.0), (4, 3, 0.75), (2, 3, 0.5), (1, 3, -1.0), (0, 2, 0)]
)
def test_granularity_is_relative_to_the_generated_number(generated: int, reference: int, value: float) -> None:
    assert granularity(generated, reference) == value


def test_bleu_of_equal_texts_is_one_and_of_disjoint_texts_zero() -> None:
    words = ["a", "b", "c", "d", "e"]
    assert bleu([words], [words]) == pytest.approx(1)
    assert bleu([words], [["v", "w", "x", "y", "z"]]) == 0


def test_bleu_clips_a_repeated_word_to_its_count_in_the_reference() -> None:
    # Papineni's example: "the" seven times against a reference with two: p1 = 2/7, no brevity penalty (7 >= 6)
    assert bleu([["the"] * 7], [["the", "cat", "is", "on", "the", "mat"]], order=1) == pytest.approx(2 / 7)


def test_bleu_punishes_a_short_candidate() -> None:
    # p1 = 1, c = 2, r = 4: exp(1 - 4 / 2)
    assert bleu([["a", "b"]], [["a", "b", "c", "d"]], order=1) == pytest.approx(math.exp(-1))


def test_bleu_sums_counts_over_the_corpus() -> None:
    # matches 2 + 0 of 2 + 2 unigrams; the mean of the two sentences' own BLEU would be the same only by chance
    assert bleu([["a", "b"], ["x", "y", "z"]], [["a", "b"], ["u", "v", "w"]], order=1) == pytest.approx(2 / 5)


def test_bleu_refuses_lists_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="1 candidates, 0 references"):
        bleu([["a"]], [])


def test_fluency_is_the_mean_of_bleu_1_to_4() -> None:
    mine, theirs = ["How many pens does Ann have now?"], ["How many pens does Ann have left?"]
    # tokens: 8 each, 7 equal; n-grams matching: 7/8, 5/7, 4/6, 3/5
    precisions = [7 / 8, 5 / 7, 4 / 6, 3 / 5]
    expected = [math.prod(precisions[:n]) ** (1 / n) for n in (1, 2, 3, 4)]
    assert fluency([mine], [theirs]) == pytest.approx(sum(expected) / 4)


@pytest.mark.parametrize(
    ("question", "given"),
    [
        ("How much does a pen cost?", True),
        ("How many pens does Ann have?", True),
        ("How many pens does Ben have?", False),
        ("How much does Ann pay?", False),
    ],
)
def test_what_a_plain_sentence_states_is_given(question: str, given: bool) -> None:
    text = "Ann has 4 pens. A pen costs 3 dollars. Ben has 2 more pens than Ann. What do they cost?"
    assert asks_given(text, question) is given


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
    found = decomposition_quality(problems, [Decomposition(("Q?", "q"))] + [Decomposition()] * 2)
    assert (found["sets"], found["sets_with_repetition"]) == (1, 1.0)
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
    problems = [Problem(str(place), row["problem"], "0", "gsm8k") for place, row in enumerate(rows)]
    sets = [read_sub_questions(questions_text(row)) for row in rows]
    found = decomposition_quality(problems, sets)["sets_with_repetition"]
    assert found == pytest.approx(repetition, abs=0.005 if repetition >= 0.1 else 0.0005)
