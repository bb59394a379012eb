"""Problems with sub-questions through a solver: in order, failures apart, and never a zero for a failed request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.schema.records import Failure, Problem
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions
from dataset_builder.solving.records import CompletionRequest, Decomposition, Reply
from dataset_builder.solving.solve import accuracy_of, answer_problems, fall_back, solve_problems
from dataset_builder.sources.embedded import serve_embedded
from tests.support.scripted_solver import ScriptedSolver

PROBLEMS = [Problem(f"p-{index}", f"How many are {index}?", "5", "made") for index in range(3)]


def test_sub_questions_stand_after_the_problem_in_the_answer_prompt() -> None:
    solver = ScriptedSolver(lambda question: "Final answer: 5")
    answer_problems(solver, PROBLEMS[:1], [Decomposition(("How many?", "And then?"))], "none", 0)
    text = solver.asked[0].text
    assert text.endswith(f"Problem: {PROBLEMS[0].problem}\n\nQ1: How many?\nQ2: And then?\n\nAnswers:")


def test_a_failed_decomposition_costs_no_request() -> None:
    solver = ScriptedSolver(lambda question: "Final answer: 5")
    failed = Decomposition(failure=Failure("decompose", "parse:empty"))
    replies = answer_problems(solver, PROBLEMS[:2], [failed, Decomposition(("How many?",))], "none", 0)
    assert [question.problem_id for question in solver.asked] == ["p-1"]
    assert replies[0] == Reply()


def test_falling_back_gives_the_bare_problem_but_forgives_no_failed_request() -> None:
    unreadable = Decomposition(failure=Failure("decompose", "parse:empty"))
    unasked = Decomposition(failure=Failure("decompose", "timeout"))
    assert [item.none_needed for item in fall_back([unreadable, unasked])] == [True, False]
    assert fall_back([unasked]) == [unasked]


def test_solved_problems_come_in_order_and_a_failed_request_has_no_outcome() -> None:
    class HalfDead(ScriptedSolver):
        def complete(self, requests: Sequence[CompletionRequest]) -> list[Reply]:
            lost = Failure("answer", "timeout")
            return [Reply(failure=lost) if "P3" in item.text else Reply("Final answer: 5") for item in requests]

    unreadable = Decomposition(failure=Failure("decompose", "parse:empty"))
    items = [Decomposition(("P3?",)), unreadable, Decomposition(("Which?",))]
    solved = solve_problems(HalfDead(lambda _: None), PROBLEMS, items)
    assert [single.grade.verdict for single in solved] == ["request_failed", "parse_failure", "correct"]
    assert [single.outcome for single in solved] == [None, 0.0, 1.0]
    with pytest.raises(UserError, match="1 of 3 requests failed"):
        accuracy_of(solved)
    assert accuracy_of(solved[1:]) == 0.5


def test_accuracy_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="no problems"):
        accuracy_of([])


@pytest.fixture
def endpoint_solver(tmp_path: Path) -> Callable[..., EndpointSolver]:
    def make(url: str, **settings: Any) -> EndpointSolver:
        options = SolverOptions(ServiceSettings((url,), progress=False, **settings), tmp_path / "journal.sqlite")
        return EndpointSolver("micro-gsm-solver", options)

    return make


def test_equal_sub_questions_of_a_problem_are_paid_for_once(
    endpoint_solver: Callable[..., EndpointSolver], tmp_path: Path
) -> None:
    """What training on outcomes will do: 8 sampled sets of each of 4 problems, few of them distinct."""
    problems = [problem for problem in generate_problems("train", 4, 0) for _ in range(8)]
    asked = [problem.reference_sub_questions[index % 2 and -1 :] for index, problem in enumerate(problems)]
    items = [Decomposition(sub_questions) for sub_questions in asked]
    with serve_embedded(["micro_gsm"]) as (url,):
        solved = solve_problems(endpoint_solver(url), problems, items)
        again = solve_problems(endpoint_solver(url), problems[::-1], items[::-1])
    assert {single.outcome for single in solved} == {0.0, 1.0}
    assert [single.outcome for single in solved] == [single.outcome for single in again[::-1]]
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert len(journal) == len(set(zip([problem.problem_id for problem in problems], asked, strict=True))) == 8


def test_a_cost_cap_is_not_a_wrong_answer(endpoint_solver: Callable[..., EndpointSolver]) -> None:
    problems = list(generate_problems("train", 30, 0))
    items = [Decomposition(problem.reference_sub_questions) for problem in problems]
    prices = {"price_input": 1000.0, "price_output": 1000.0, "max_in_flight": 1}
    with serve_embedded(["micro_gsm"]) as (url,):
        solved = solve_problems(endpoint_solver(url, max_cost_usd=4.0, **prices), problems, items)
    assert "correct" in [single.grade.verdict for single in solved]
    lost = [single for single in solved if single.outcome is None]
    assert lost
    assert all("cost cap" in single.grade.explanation for single in lost)
