"""The grade of a solver's reply, or of the failure in its place.

The grade of a text comes from `answers.grading`. Here only the failures before it are told apart: a request that never
got a text is `request_failed`, a decomposition that could not be read is `parse_failure`.
"""

from __future__ import annotations

from typing import Literal

from dataset_builder.answers import extract_final_answer, format_number
from dataset_builder.answers.grading import grade_answer
from dataset_builder.answers.kinds.kind import Grade
from dataset_builder.schema.records import Failure, Problem
from dataset_builder.schema.verdicts import Verdict
from dataset_builder.solving.records import PARSE_KINDS, Decomposition, Reply


def grade_reply(problem: Problem, decomposition: Decomposition, reply: Reply, rule: str) -> Grade:
    """The grade of one problem's way through decomposer and solver.

    Args:
        problem: with its gold answer.
        decomposition: what the solver was given, or why there was nothing to give.
        reply: what it wrote.
        rule: how its final answer is read.
    """
    failure = decomposition.failure or reply.failure
    if failure is None:
        return grade_answer(reply.text, problem, rule)
    explanation = f"{failure.stage}: {failure.kind}" + (f": {failure.detail}" if failure.detail else "")
    return Grade("parse_failure" if is_unreadable(failure) else "request_failed", None, explanation, 0.0)


def grade_if_known(
    problem: Problem, decomposition: Decomposition, reply: Reply, rule: str
) -> tuple[Verdict | Literal[""], str, str]:
    """(verdict, final answer as it was read, explanation); no verdict where there is no right answer to compare with.

    Args:
        problem: its gold answer may be empty.
        decomposition: what the solver was given, or why there was nothing to give.
        reply: what it wrote.
        rule: how its final answer is read.
    """
    if problem.gold_answer or decomposition.failure or reply.failure:
        grade = grade_reply(problem, decomposition, reply, rule)
        return grade.verdict, grade.extracted or "", grade.explanation
    read = extract_final_answer(reply.text or "", rule=rule)
    return "", "" if read is None else format_number(read), ""


def is_unreadable(failure: Failure | None) -> bool:
    """Whether a text came that could not be read, so that asking again would not help."""
    return failure is not None and failure.kind.startswith(PARSE_KINDS)
