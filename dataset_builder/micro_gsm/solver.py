"""A solver that takes one hop per sub-question, so that a score measures the decomposition.

It reads the problem's text and the sub-questions, nothing else. What it can reach in one hop from what it knows (given
in the text, or answered before) it computes; everything else it guesses, and a guess is right one time in ten. Each
answer carries a small chance of a slip that grows with every question already answered, so a superfluous question
costs accuracy. Guesses and slips are fixed by the seed, the problem and the questions so far: the same input always
gives the same answer. The last answer is the final one.

    A1: The result is 17.
    A2: The result is 34.

    Final answer: 34
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

from dataset_builder.micro_gsm.world import Question, World, read_question

LUCK = 0.10
FIRST_SLIP, SLIP_GROWTH = 0.015, 0.015
"""The chance of a slip in the first answer, and what each earlier answer adds to it."""


def solve(world: World, sub_questions: Sequence[str], seed: int) -> str:
    """The answers "A1: ..." to the sub-questions and the line "Final answer: n", as a chat model would write them."""
    if not sub_questions:
        return f"Final answer: {_text(_direct(world, seed))}"
    known = {q.person: q.value({}) for q in world.quantities.values() if not q.parents}
    lines, answer = [], Fraction(0)
    for index, text in enumerate(sub_questions):
        rng = random.Random(f"{seed}/{world}/{'/'.join(sub_questions[: index + 1])}")
        answer = _answer(world, read_question(text), known, rng, index)
        lines.append(f"A{index + 1}: The result is {_text(answer)}.")
    return "\n".join([*lines, "", f"Final answer: {_text(answer)}"])


def _answer(
    world: World, question: Question | None, known: dict[str, Fraction], rng: random.Random, index: int
) -> Fraction:
    """One answer; a person's number, right or wrong, is known from then on."""
    truth = None
    if question is not None and set(question.people) <= set(world.quantities):
        truth = _one_hop(world, question, known)
        right = question.value(world.values(), world.goal_number)
        if truth is None and rng.random() < LUCK:
            truth = right
        elif truth is None:
            truth = _wrong(right, rng)
    if truth is None:
        return Fraction(rng.randint(1, 50))
    if rng.random() < FIRST_SLIP + SLIP_GROWTH * index:
        truth = _wrong(truth, rng)
    if question is not None and question.kind == "plain":
        known[question.people[0]] = truth
    return truth


def _one_hop(world: World, question: Question, known: dict[str, Fraction]) -> Fraction | None:
    """The answer where one hop reaches it: a known number, one from known parents, or a goal of known people."""
    person = question.people[0]
    if question.kind == "plain" and person not in known:
        quantity = world.quantities[person]
        return quantity.value(known) if set(quantity.parents) <= set(known) else None
    if question.kind in ("cost", "share") and world.goal_number is None:
        return None
    return question.value(known, world.goal_number) if set(question.people) <= set(known) else None


def _direct(world: World, seed: int) -> Fraction:
    """Without sub-questions the whole problem must be one hop away, and it never is: a guess."""
    rng = random.Random(f"{seed}/{world}")
    right = world.answer()
    return right if rng.random() < LUCK else _wrong(right, rng)


def _wrong(right: Fraction, rng: random.Random) -> Fraction:
    return (
        max(Fraction(0), right + rng.choice((-3, -2, -1, 1, 2, 3, 5, 10))) if right > 3 else right + rng.randint(1, 9)
    )


def _text(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else f"{float(number):g}"
