"""What a new kind of answer costs: multiple choice is one object, and is asked, read, voted on and graded."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dataset_builder.answers.grading import grade_answer
from dataset_builder.answers.kinds import KINDS, kind_named
from dataset_builder.answers.kinds.kind import Grade, compared
from dataset_builder.answers.kinds.words import words_kind
from dataset_builder.build.label import label_set
from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Problem, Provenance, RawSet
from dataset_builder.solving.records import Decomposition, Reply
from dataset_builder.solving.single_stage import majority
from dataset_builder.solving.solve import solve_problems
from tests.support.scripted_solver import ScriptedSolver


def letter(text: str | None) -> str | None:
    """The one letter that a text names: "(b)", "B: eight pens"."""
    letters = set(re.findall(r"\b([A-E])\b", (text or "").rpartition("nswer:")[2].upper()))
    return letters.pop() if len(letters) == 1 else None


def compare(span: str, where: str, problem: Problem) -> Grade:
    read = letter(span)
    if read is None:
        return Grade("no_answer", None, f"{span!r} {where} names no one choice", 0.0)
    return compared(read == problem.gold_answer, read, f"read {read} {where}, gold {problem.gold_answer}")


CHOICE = replace(
    words_kind("choice", "the letter of the right choice", compare), vote_key=lambda text, _: letter(text)
)
PROBLEM = Problem("c-0", "How many pens? (A) 5 (B) 8", "B", "made", answer_kind="choice")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, CHOICE.name, CHOICE)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("Final answer: (b) 8", "correct"), ("Final answer: A", "incorrect"), ("Final answer: A or B", "no_answer")],
)
def test_choice_is_read_and_graded(text: str, verdict: str) -> None:
    assert grade_answer(text, PROBLEM, "first_marker").verdict == verdict


def test_choice_is_asked_for_in_words_and_solved() -> None:
    solver = ScriptedSolver(lambda _: "A1: 8\n\nFinal answer: B")
    items = [Decomposition(("How many?",)), Decomposition(none_needed=True)]
    solved = solve_problems(solver, [PROBLEM, PROBLEM], items)
    assert [item.outcome for item in solved] == [1.0, 1.0]
    assert not any("the one number" in request.text for request in solver.asked)


def test_votes_for_one_choice_are_counted_together() -> None:
    texts = ["Final answer: A", "Final answer: (B) 8", "Final answer: b"]
    assert majority([Reply(text) for text in texts], CHOICE, "first_marker").text == "Final answer: (B) 8"


def test_choice_is_labelled() -> None:
    raw = RawSet(PROBLEM, 0, "Q1: How many?", "A1: 8\n\nFinal answer: B", (), (), Provenance("made"))
    labelled = label_set(raw)
    assert labelled is not None
    assert (labelled.verdict, labelled.final_answer) == ("correct", "B")


def test_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="number, text, spans, yes_no, choice"):
        kind_named("essay")
