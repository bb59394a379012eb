"""One problem through a decomposer and a solver, as a grid does it: for who types a problem, on a page or in a shell.

>>> answer_one(problem, "api:m", decomposer, solver).final_answer                       # doctest: +SKIP
'29'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dataset_builder.answers import DEFAULT_RULE
from dataset_builder.schema.records import Failure, Problem
from dataset_builder.schema.verdicts import Verdict
from dataset_builder.solving.grading import grade_if_known
from dataset_builder.solving.records import Solver
from dataset_builder.solving.single_stage import is_single_stage
from dataset_builder.solving.solve import answer_problems
from dataset_builder.text.parsing import parse_sub_answers
from eval_harness.records.predictions import Prediction
from eval_harness.systems.decomposers import Decomposer


@dataclass(frozen=True)
class Answered:
    """What came of one decomposer."""

    decomposer: str
    """As it was named."""
    prediction: Prediction
    """The sub-questions and the solver's reply, with what each took."""
    sub_answers: tuple[str, ...]
    """One per sub-question; empty where the reply cannot be split so."""
    final_answer: str
    """As it was read; "" where none could be."""
    verdict: Verdict | Literal[""]
    """correct, incorrect, no_answer, ..., or "" where no right answer was given to compare with."""
    explanation: str
    """Why, in one line."""


def answer_one(
    problem: Problem, spec: str, decomposer: Decomposer, solver: Solver, rule: str = DEFAULT_RULE
) -> Answered:
    """What a pair makes of one problem.

    Args:
        problem: its gold answer may be empty: then there is no verdict.
        spec: the decomposer as it was named.
        decomposer: who asks the sub-questions.
        solver: who answers.
        rule: how the final answer is read.
    """
    (decomposition,) = decomposer.decompose([problem], 0)
    style = spec if is_single_stage(spec) else "none"
    (reply,) = answer_problems(solver, [problem], [decomposition], style, 0, rule=rule)
    return as_answered(spec, Prediction(problem.problem_id, 0, decomposition, reply), problem, rule)


def as_answered(decomposer: str, prediction: Prediction, problem: Problem, rule: str = DEFAULT_RULE) -> Answered:
    """A prediction as a reader wants it.

    Args:
        decomposer: as it was named.
        prediction: what was received.
        problem: what was asked.
        rule: how the final answer is read.
    """
    decomposition, reply = prediction.decomposition, prediction.reply
    verdict, final, why = grade_if_known(problem, decomposition, reply, rule)
    answers = parse_sub_answers(reply.text, len(decomposition.sub_questions))
    return Answered(decomposer, prediction, () if isinstance(answers, Failure) else answers, final, verdict, why)
