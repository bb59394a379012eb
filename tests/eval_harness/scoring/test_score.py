"""One verdict per prediction, and the counts and intervals over them."""

from __future__ import annotations

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Failure, Problem
from dataset_builder.solving.records import Decomposition, Reply
from eval_harness.records.predictions import Prediction
from eval_harness.records.verdicts import mean_by_problem
from eval_harness.scoring.score import aggregate, score_prediction, score_predictions


def prediction(problem_id: str, text: str | None, seed: int = 0, **parts: object) -> Prediction:
    decomposition = Decomposition(("Q?",), failure=parts.get("decompose_failure"))  # type: ignore[arg-type]
    return Prediction(problem_id, seed, decomposition, Reply(text, failure=parts.get("failure")))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        ({"text": "Final answer: 5"}, "correct"),
        ({"text": "Final answer: 6"}, "incorrect"),
        ({"text": "I cannot say."}, "no_answer"),
        ({"text": ""}, "no_answer"),
        ({"text": None, "failure": Failure("answer", "timeout", "no reply")}, "request_failed"),
        ({"text": None, "decompose_failure": Failure("decompose", "parse:no_questions", "?")}, "parse_failure"),
        ({"text": None, "decompose_failure": Failure("decompose", "connection", "refused")}, "request_failed"),
    ],
)
def test_each_way_to_go_wrong_has_its_own_verdict(
    case: dict[str, object], verdict: str, problems: list[Problem]
) -> None:
    scored = score_prediction(prediction("t-0", **case), problems[0], "first_marker")  # type: ignore[arg-type]
    assert scored.verdict == verdict
    assert scored.score == (verdict == "correct")
    assert scored.explanation


def test_the_extracted_text_is_stored_with_the_verdict(problems: list[Problem]) -> None:
    scored = score_prediction(prediction("t-2", "Final answer: $2,000"), problems[2], "first_marker")
    assert scored.verdict == "correct"
    assert scored.extracted == "2000"


def test_a_failed_decomposition_is_never_scored_by_what_the_solver_says(problems: list[Problem]) -> None:
    failed = prediction("t-0", "Final answer: 5", decompose_failure=Failure("decompose", "parse:empty"))
    assert score_prediction(failed, problems[0], "first_marker").verdict == "parse_failure"


def test_accuracy_counts_everything_but_correct_as_wrong(problems: list[Problem]) -> None:
    by_id = {problem.problem_id: problem for problem in problems}
    predictions = [
        prediction("t-0", "Final answer: 5"),
        prediction("t-1", "no idea"),
        prediction("t-2", None, failure=Failure("answer", "server")),
    ]
    total = aggregate(score_predictions(predictions, by_id, "first_marker"))
    assert total.accuracy == pytest.approx(1 / 3)
    assert total.counts == {"correct": 1, "incorrect": 0, "no_answer": 1, "parse_failure": 0, "request_failed": 1}
    assert total.interval_method == "wilson"


def test_several_seeds_are_resampled_by_problem(problems: list[Problem]) -> None:
    by_id = {problem.problem_id: problem for problem in problems[:2]}
    texts = {("t-0", 0): "Final answer: 5", ("t-0", 1): "Final answer: 5", ("t-1", 0): "Final answer: 5"}
    predictions = [
        prediction(problem_id, texts.get((problem_id, seed), "Final answer: 1"), seed)
        for seed in (0, 1)
        for problem_id in by_id
    ]
    scores = score_predictions(predictions, by_id, "first_marker")
    total = aggregate(scores)
    assert (total.n, total.accuracy) == (4, 0.75)
    assert total.per_seed == {0: 1.0, 1: 0.5}
    assert total.interval_method == "bootstrap over problems"
    assert mean_by_problem(scores, correctness=True) == {"t-0": 1.0, "t-1": 0.5}


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["t-0", "t-1", "t-2", "t-2"], "predicted 2 times"),
        (["t-0", "t-1"], "0 of 1 predictions"),
        (["t-0", "t-1", "t-2", "t-9"], "no gold answer"),
    ],
)
def test_predictions_that_do_not_fit_the_problems_are_refused(
    ids: list[str], message: str, problems: list[Problem]
) -> None:
    by_id = {problem.problem_id: problem for problem in problems}
    with pytest.raises(UserError, match=message):
        score_predictions([prediction(problem_id, "x") for problem_id in ids], by_id, "first_marker")
