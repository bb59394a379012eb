"""What a model wrote for one problem of its evaluation, which a card shows: the first short one, so none is chosen.

Reads `problems.jsonl`, `predictions/` and `verdicts/` of an evaluation's output. Without them a card has an invented
problem to show the form of a prompt, and no output.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataset_builder.schema.records import Problem
from dataset_builder.schema.verdicts import VERDICT_TABLE
from dataset_builder.solving.single_stage import is_single_stage
from dataset_builder.text.student_format import format_solver_prompt, format_student_prompt
from eval_harness.records.predictions import Prediction, load_predictions
from eval_harness.records.problems import PROBLEMS_FILE, load_asked_problems
from eval_harness.records.results import ResultsRecord
from eval_harness.scoring.score import score_prediction

MOST_CHARACTERS = 400
INVENTED = "Ana has 12 apples. Ben has 5 more apples than Ana. How many apples do Ben and Ana have together?"
INVENTED_QUESTIONS = ("How many apples does Ben have?", "How many do they have together?")


@dataclass(frozen=True)
class Example:
    """A prompt in the very form that the model was trained on, and what came of it."""

    prompt: str
    """As the model reads it."""
    output: str = ""
    """What it wrote; empty where no prediction is at hand."""
    answer: str = ""
    """A decomposer's: what the solver then wrote."""
    gold: str = ""
    """The right answer."""
    verdict: str = ""
    """correct, incorrect, ... in words."""


def find_example(own_rows: tuple[ResultsRecord, ...], results: Path, role: str) -> Example:
    """The first short problem of the evaluation that the model wrote something for.

    Args:
        own_rows: the checkpoint's rows; the first is read.
        results: the evaluation's output.
        role: decomposer or solver.
    """
    row = next((row for row in own_rows if not is_single_stage(str(row.decomposer["kind"])) and row.predictions), None)
    path = results / row.predictions["path"] if row else results
    if row is None or not path.is_file() or not (results / PROBLEMS_FILE).is_file():
        return Example(_prompt(INVENTED, "", INVENTED_QUESTIONS, role))
    problems = {problem.problem_id: problem for problem in load_asked_problems(results)}
    for prediction in load_predictions(path):
        problem = problems[prediction.problem_id]
        if prediction.failure is None and len(problem.passage + problem.problem) <= MOST_CHARACTERS:
            return _example(problem, prediction, row, role)
    return Example(_prompt(INVENTED, "", INVENTED_QUESTIONS, role))


def _example(problem: Problem, prediction: Prediction, row: ResultsRecord, role: str) -> Example:
    questions = prediction.decomposition.sub_questions
    verdict = VERDICT_TABLE[score_prediction(prediction, problem, row.rule).verdict].label
    written, answer = (prediction.decomposition.text or "").strip(), (prediction.reply.text or "").strip()
    return Example(
        prompt=_prompt(problem.problem, problem.passage, questions, role),
        output=answer if role == "solver" else written,
        answer="" if role == "solver" else answer,
        gold=problem.gold_answer,
        verdict=verdict,
    )


def _prompt(problem: str, passage: str, questions: tuple[str, ...], role: str) -> str:
    if role == "solver":
        return format_solver_prompt(problem, questions, passage)
    return format_student_prompt(problem, passage)
