"""The same problem is found whatever its looks, a reworded one as near; other numbers make another problem."""

from __future__ import annotations

import pytest

from dataset_builder.text.likeness import SKETCH, Fingerprint, KnownProblems, fingerprint, likeness
from dataset_builder.text.student_format import format_solver_prompt, format_student_prompt, problem_of_prompt

ROBE = (
    "A robe takes 2 bolts of blue fiber and half that much white fiber. The tailor needs it on Friday, 3 days from "
    "now. How many bolts in total does it take?"
)
KNOWN = KnownProblems([fingerprint(ROBE), fingerprint("How many yards?", "The first game had 30 yards of rushing.")])


@pytest.mark.parametrize("text", [ROBE, ROBE.upper(), ROBE.replace(" ", "  ") + "\n", ROBE.replace(".", "!")])
def test_the_same_words_are_the_same_problem(text: str) -> None:
    assert KNOWN.find(fingerprint(text)) == "same"


@pytest.mark.parametrize(
    "text",
    [
        ROBE.replace("tailor", "weaver"),
        ROBE.replace("robe", "gown").replace("total", "all"),
        ROBE.replace("A robe", "Once a robe"),
        "The tailor needs it on Friday, 3 days from now. "
        + ROBE.replace(" The tailor needs it on Friday, 3 days from now.", ""),
        ROBE.replace("How many bolts in total does it take?", "How many bolts does it take in total?"),
    ],
    ids=["a word", "two words", "a beginning", "sentences in another order", "words in another order"],
)
def test_a_reworded_problem_is_near(text: str) -> None:
    assert KNOWN.find(fingerprint(text)) == "near"


@pytest.mark.parametrize(
    "text",
    [
        ROBE.replace("2", "4"),
        "Ann has 2 pens and 3 pencils. How many has she?",
        "How many yards?",
        "",
    ],
    ids=["another number", "the same numbers in other words", "the same question without its passage", "nothing"],
)
def test_another_problem_is_not_found(text: str) -> None:
    assert KNOWN.find(fingerprint(text)) is None


def test_a_question_is_the_same_with_its_passage_alone() -> None:
    assert KNOWN.find(fingerprint("How many yards?", "The first game had 30 yards of rushing!")) == "same"


def test_a_fingerprint_comes_back_from_its_line_and_holds_no_text() -> None:
    own = fingerprint(ROBE)
    assert Fingerprint.from_line(own.line) == own
    assert "robe" not in own.line


def test_a_long_text_is_kept_as_a_sketch_that_tells_its_likeness() -> None:
    words = [f"w{number}" for number in range(600)]
    whole, half = fingerprint(" ".join(words)), fingerprint(" ".join(words[:300]))
    assert len(whole.pairs) == SKETCH
    assert likeness(whole, whole) == 1
    assert likeness(whole, half) == pytest.approx(0.5, abs=0.2)  # 299 of 599 pairs; three standard errors of 64 draws


@pytest.mark.parametrize("passage", ["", "The first game.\nThe second game."])
def test_a_prompts_problem_has_the_fingerprint_of_the_problem(passage: str) -> None:
    own = fingerprint(ROBE, passage)
    questions = ("How much white fiber?", "How many bolts?")
    assert fingerprint(problem_of_prompt(format_student_prompt(ROBE, passage))) == own
    assert fingerprint(problem_of_prompt(format_solver_prompt(ROBE, questions, passage))) == own
    assert fingerprint(problem_of_prompt(format_solver_prompt(ROBE, (), passage))) == own
