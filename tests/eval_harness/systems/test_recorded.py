"""Recorded rows are matched to problems by id, position or text; doubles and gaps are refused."""

from __future__ import annotations

import json

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Problem
from eval_harness.systems.recorded import answers_text, match_rows, questions_text


def rows_of(problems: list[Problem]) -> list[dict[str, object]]:
    return [{"problem": problem.problem, "answers": problem.problem_id} for problem in problems]


def test_rows_in_another_order_are_matched_by_text(problems: list[Problem]) -> None:
    result = match_rows(rows_of(problems)[::-1], problems, "f")
    assert [row["answers"] for row in result] == ["t-0", "t-1", "t-2"]


def test_a_row_in_another_encoding_is_matched_by_its_place(problems: list[Problem]) -> None:
    rows = rows_of(problems)
    rows[1]["problem"] = str(rows[1]["problem"]).replace("9 figs", "9 figâs")
    assert [row["answers"] for row in match_rows(rows, problems, "f")] == ["t-0", "t-1", "t-2"]


def test_rows_with_ids_are_matched_by_id(problems: list[Problem]) -> None:
    rows = [{"problem_id": problem.problem_id, "n": index} for index, problem in enumerate(problems)]
    assert [row["n"] for row in match_rows(rows[::-1], problems, "f")] == [0, 1, 2]


def test_a_problem_without_a_row_is_refused(problems: list[Problem]) -> None:
    with pytest.raises(UserError, match="2 rows and none for t-2"):
        match_rows(rows_of(problems)[:2], problems, "f")


def test_a_problem_in_two_rows_is_refused(problems: list[Problem]) -> None:
    with pytest.raises(UserError, match="2 times"):
        match_rows([*rows_of(problems), *rows_of(problems[:1])], problems, "f")


def test_another_problem_in_the_place_of_one_is_refused(problems: list[Problem]) -> None:
    rows = rows_of(problems)
    rows[1]["problem"] = "Something else altogether?"
    with pytest.raises(UserError, match="none for t-1"):
        match_rows(rows, problems, "f")


def test_a_row_without_a_problem_names_the_keys_it_has(problems: list[Problem]) -> None:
    with pytest.raises(UserError, match="found text"):
        match_rows([{"text": "x"}], problems, "f")


def test_both_forms_of_a_row_are_read() -> None:
    assert questions_text({"questions": ["Q1: a", "Q1: b"]}) == questions_text({"questions": "Q1: a"}) == "Q1: a"
    assert answers_text({"reply": {"text": "A1"}}) == answers_text({"answers": ["A1"]}) == "A1"
    assert answers_text({"answers": None}) is None
    assert questions_text(json.loads("{}")) is None
