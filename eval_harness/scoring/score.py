"""Predictions -> one verdict per problem -> accuracy with its interval and the count of every verdict.

A verdict comes from `dataset_builder.solving.grading`, which labels the dataset, too. Accuracy counts everything but
`correct` as wrong, and shows each count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataset_builder.core.errors import UserError
from dataset_builder.core.intervals import Interval, wilson
from dataset_builder.schema.records import Problem
from dataset_builder.schema.verdicts import VERDICTS
from dataset_builder.solving.grading import grade_reply
from eval_harness.records.predictions import Prediction
from eval_harness.records.verdicts import ProblemScore, mean_by_problem
from eval_harness.scoring.significance import bootstrap_mean


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A pair's numbers."""

    n: int
    """Predictions: problems times seeds."""
    accuracy: float
    """Share of n whose verdict is `correct`."""
    mean_score: float
    """Mean F1 where answers are spans; elsewhere the accuracy."""
    interval: Interval
    """Of the accuracy, at 95 %."""
    interval_method: str
    """Wilson's for one seed; for several a bootstrap over problems: two runs on one problem are not independent."""
    counts: dict[str, int]
    """Predictions by verdict."""
    per_seed: dict[int, float]
    """Seed -> accuracy of that run."""


def score_prediction(prediction: Prediction, problem: Problem, rule: str) -> ProblemScore:
    """The verdict on one prediction."""
    grade = grade_reply(problem, prediction.decomposition, prediction.reply, rule)
    return ProblemScore(
        prediction.problem_id, prediction.seed, grade.verdict, grade.extracted, grade.explanation, grade.score
    )


def score_predictions(
    predictions: Sequence[Prediction], problems: Mapping[str, Problem], rule: str
) -> list[ProblemScore]:
    """The verdict on every prediction, in their order.

    Raises:
        UserError: a prediction has no gold answer, a problem is predicted twice for one seed, or one is missing.
    """
    counts = Counter((item.problem_id, item.seed) for item in predictions)
    for (problem_id, seed), times in counts.items():
        if problem_id not in problems:
            raise UserError(f"no gold answer for the predicted problem {problem_id}; score it with the set it is from")
        if times > 1:
            raise UserError(f"problem {problem_id} is predicted {times} times for seed {seed}; keep one")
    seeds = len({seed for _, seed in counts})
    by_problem = Counter(problem_id for problem_id, _ in counts)
    for problem_id in problems:
        if (n := by_problem[problem_id]) != seeds:
            raise UserError(f"problem {problem_id} has {n} of {seeds} predictions; run again to fill in the others")
    return [score_prediction(prediction, problems[prediction.problem_id], rule) for prediction in predictions]


def aggregate(scores: Sequence[ProblemScore]) -> Aggregate:
    """Accuracy, interval and counts.

    Raises:
        UserError: there is nothing to score.
    """
    if not scores:
        raise UserError("no predictions to score; the source or its limit leaves no problem")
    counts = Counter(score.verdict for score in scores)
    by_problem = mean_by_problem(scores, correctness=True)
    seeds = sorted({score.seed for score in scores})
    per_seed = {
        seed: sum(score.verdict == "correct" for score in scores if score.seed == seed) / len(by_problem)
        for seed in seeds
    }
    single_seed = len(seeds) == 1
    return Aggregate(
        n=len(scores),
        accuracy=counts["correct"] / len(scores),
        mean_score=sum(score.score for score in scores) / len(scores),
        interval=wilson(counts["correct"], len(scores)) if single_seed else bootstrap_mean(list(by_problem.values())),
        interval_method="wilson" if single_seed else "bootstrap over problems",
        counts={verdict: counts[verdict] for verdict in VERDICTS},
        per_seed=per_seed,
    )
