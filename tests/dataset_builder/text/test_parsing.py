"""Sub-questions, sub-answers, votes and the student's delimiters, read or refused with a reason."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builder.schema.records import Failure
from dataset_builder.text.parsing import (
    STOP_STRINGS,
    cut_at_stop,
    format_sub_questions,
    parse_delimited,
    parse_sub_answers,
    parse_sub_questions,
    parse_votes,
)
from dataset_builder.text.student_format import QUESTION_END, QUESTION_START, format_student_completion

CASES = json.loads((Path(__file__).parents[2] / "cases" / "parsing_cases.json").read_text(encoding="utf-8"))
PARSERS: dict[str, Any] = {
    "sub_questions": parse_sub_questions,
    "sub_answers": parse_sub_answers,
    "votes": parse_votes,
    "delimited": parse_delimited,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['parser']}: {case['why'][:60]}")
def test_a_text_is_parsed_as_its_case_says(case: dict[str, Any]) -> None:
    arguments = (case["text"], case["count"]) if "count" in case else (case["text"],)
    parsed = PARSERS[case["parser"]](*arguments)
    if isinstance(case["expected"], dict):
        assert isinstance(parsed, Failure)
        assert parsed.kind == case["expected"]["kind"]
        assert parsed.detail, "a failure says where"
    else:
        assert parsed == tuple(case["expected"])


questions = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: text and QUESTION_START not in text and QUESTION_END not in text),
    min_size=1,
    max_size=6,
)


@given(questions)
def test_delimited_text_is_read_back_as_it_was_written(sub_questions: list[str]) -> None:
    assert parse_delimited(format_student_completion(sub_questions)) == tuple(sub_questions)


@given(st.lists(st.text("abc xyz?", min_size=3).map(lambda text: f"How many {text}".strip()), min_size=1, max_size=9))
def test_numbered_lines_are_read_back_as_they_were_written(sub_questions: list[str]) -> None:
    single = [" ".join(question.split()) for question in sub_questions]
    assert parse_sub_questions(format_sub_questions(single)) == tuple(single)


@pytest.mark.parametrize("parser", PARSERS)
@given(text=st.text())
def test_no_text_makes_a_parser_raise(parser: str, text: str) -> None:
    arguments = (text, 2) if parser in ("sub_answers", "votes") else (text,)
    assert isinstance(PARSERS[parser](*arguments), tuple | Failure)


@pytest.mark.parametrize("stop", STOP_STRINGS)
def test_a_text_is_cut_at_the_first_stop_string(stop: str) -> None:
    assert cut_at_stop(f"Final answer: 5{stop} and {stop} on") == ("Final answer: 5", True)
    assert cut_at_stop(f"{stop} which?\nFinal answer: 5")[1] is False, "nothing was said before it"
    assert cut_at_stop(f"**The {stop.strip()}** 3 pens.\nFinal answer: 6")[1] is False, "it begins no line"


def test_a_text_without_a_stop_string_stays_whole() -> None:
    assert cut_at_stop("Final answer: 5", ("Problem:", "")) == ("Final answer: 5", False)


@pytest.mark.data
def test_every_published_test_set_parses_and_gives_the_papers_statistics(subq_data: Path) -> None:
    lines = (subq_data / "gsm8k_ai_subq" / "qg_test_data_raw.jsonl").read_text(encoding="utf-8").splitlines()
    parsed = [parse_sub_questions(text) for line in lines for text in json.loads(line)["questions"]]
    counts = [len(each) for each in parsed if not isinstance(each, Failure)]
    assert len(counts) == len(parsed) == 1319
    assert (round(statistics.mean(counts), 2), round(statistics.pstdev(counts), 2)) == (4.05, 1.43)
    assert (min(counts), statistics.median(counts), max(counts)) == (1, 4, 14)


@pytest.mark.data
def test_published_sub_questions_agree_with_the_published_training_form(subq_data: Path) -> None:
    folder = subq_data / "gsm8k_ai_subq"
    raw = [json.loads(line) for line in (folder / "qg_test_data_raw.jsonl").read_text(encoding="utf-8").splitlines()]
    trained = json.loads((folder / "qg_test_dataset.jsonl").read_text(encoding="utf-8"))
    ours = [parse_sub_questions(row["questions"][0]) for row in raw]
    assert ours == [tuple(question.strip() for question in row["answers"]) for row in trained]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>Q1: pens?</think>Q1: How many?\nQ2: What cost?", ("How many?", "What cost?")),
        ("Q1: pens?\nQ2: 5</think>\nQ1: How many?<|im_end|>", ("How many?",)),
        ("◁think▷Q1: pens?◁/think▷Q1: How many?</s>", ("How many?",)),
        ("<|begin_of_thought|>Q1: a<|end_of_thought|>Q1: How many?", ("How many?",)),
        ("```\nQ1: How many?\nQ2: What cost?\n```", ("How many?", "What cost?")),
        ("Q1：How many?\nQ2：What cost?", ("How many?", "What cost?")),
        ("(1) How many?\n(2) What cost?", ("How many?", "What cost?")),
        ("1. **How many pens?**\n2. **What cost?**", ("How many pens?", "What cost?")),
        ("**1.** How many *red* pens?\n**2.** `What cost?`", ("How many red pens?", "What cost?")),
        ("Q1 - How many?\nQ2 - What cost?", ("How many?", "What cost?")),
        ("1、How many?\n2、What cost?", ("How many?", "What cost?")),
    ],
)
def test_labels_are_read_and_what_stands_around_questions_is_taken_off(text: str, expected: tuple[str, ...]) -> None:
    assert parse_sub_questions(text) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Q1: How many pens? A1: 3", "holds_answers"),
        ("Q1: How many pens?\nA1: 3\nQ2: What cost?\nA2: 6", "holds_answers"),
        ("Q1: How many pens?\n**Answer:** 3 pens", "holds_answers"),
        ("Q1: How many pens? 3 + 2 = 5", "holds_answers"),
        ("Q1: How many pens? (5)", "holds_answers"),
        ("Q1: ...\nQ2: What cost?", "placeholder"),
        ("Q1: [question]\nQ2: <question>", "placeholder"),
        ("Q1: N/A", "placeholder"),
        ("Q1: ****\nQ2: What cost?", "blank_item"),
        ("<think>Q1: pens?</think>", "empty"),
        ("<think>Q1: pens?", "empty"),
    ],
)
def test_a_set_whose_questions_are_none_is_a_failure_of_its_kind(text: str, kind: str) -> None:
    parsed = parse_sub_questions(text)
    assert isinstance(parsed, Failure)
    assert parsed.kind == kind


def test_reasoning_in_front_of_votes_and_answers_is_no_vote_and_no_answer() -> None:
    assert parse_votes("<think>Q1: No\nQ2: No</think>Q1: Yes\nQ2: No", 2) == (True, False)
    assert parse_sub_answers("<think>A1: 9\nFinal answer: 9</think>A1: 3*2=6 **pens**\nFinal answer: 6", 1) == (
        "3*2=6 pens",
    )
    assert parse_delimited("<think>pens</think> <QUE> How many? </QUE>") == ("How many?",)
