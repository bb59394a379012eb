"""The static page shows what was recorded, from the first problem on, says so, and runs no text as markup."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from model_cards.space.recorded import load_recorded, static_page


def test_the_first_problem_is_solved_in_the_page_itself(evaluation: Path) -> None:
    recorded = load_recorded(evaluation, 2)
    page = static_page(recorded, "Split <it>")
    body = page.partition("<script")[0]
    assert "<title>Split &lt;it&gt;</title>" in body
    assert recorded.problems[0].problem in body
    assert body.count('class="final"') == 2
    assert "recorded on 2026-11-20" in body
    assert "micro-gsm-solver" in body
    assert "90.0 % of 200 problems" in body


def test_every_pair_of_the_first_problems_is_in_the_page_and_nothing_of_it_is_markup(evaluation: Path) -> None:
    page = static_page(load_recorded(evaluation, 2), "x")
    (text,) = re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)
    data = json.loads(text)
    assert [len(columns) for columns in data["columns"].values()] == [2, 2]
    assert list(data["columns"]) == ["the exact sub-questions", "no sub-questions"]
    assert "<b>1</b>" not in page


def test_failed_requests_and_problems_that_are_too_long_are_not_shown(evaluation: Path) -> None:
    path = evaluation / "problems.jsonl"
    rows = [json.loads(line) | {"passage": "x" * 700} for line in path.read_text().splitlines()]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with pytest.raises(UserError, match="no problem of at most 600 characters"):
        load_recorded(evaluation, 2)
