"""A solver that takes one hop per sub-question, so that a score measures the decomposition.

It reads the problem's text and the sub-questions, nothing else. What it can reach in one hop from what it knows (given
in the text, or answered before) it computes; everything else it guesses, and a guess is right one time in ten. Each
answer carries a small chance of a slip that grows with every question already answered, so a superfluous question
costs accuracy. Guesses and slips are fixed by the seed, the problem and the questions so far: the same input always
gives the same answer. The last answer is the final one.

    A1: The result is 17.
    A2: The result is 34.

    Final answer: 34

What else solvers can do, or cannot, is their `Skill`: one slips often, one reaches over a hop that was left out, and
one, asked for its own solution, asks itself sub-questions first, as fallible as the teacher's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from dataset_builder.micro_gsm.world import Question, World, read_question

LUCK = 0.10


@dataclass(frozen=True)
class Skill:
    """What a solver can do."""

    first_slip: float = 0.015
    """The chance of a slip in the first answer."""
    slip_growth: float = 0.015
    """What each earlier answer adds to it."""
    reach: int = 1
    """Hops from what is known to what it can compute."""
    plans: bool = False
    """Whether it asks itself sub-questions where it is given none and may reason."""


USUAL = Skill()
SKILLS = {
    "micro-gsm-solver": USUAL,
    "micro-gsm-solver-weak": Skill(first_slip=0.12, slip_growth=0.04),
    "micro-gsm-solver-far": Skill(reach=2),
    "micro-gsm-reasoner": Skill(plans=True),
}
"""By name of the model."""


def solve(world: World, sub_questions: Sequence[str], seed: int, skill: Skill = USUAL) -> str:
    """The answers "A1: ..." to the sub-questions and the line "Final answer: n", as a chat model would write them."""
    if not sub_questions:
        return f"Final answer: {_text(_direct(world, seed))}"
    results = answers(world, sub_questions, seed, skill)
    lines = [f"A{index}: The result is {result}." for index, result in enumerate(results, start=1)]
    return "\n".join([*lines, "", f"Final answer: {results[-1]}"])


def answers(world: World, sub_questions: Sequence[str], seed: int, skill: Skill = USUAL) -> list[str]:
    """The number that answers each sub-question, in their order."""
    known = {q.person: q.value({}) for q in world.quantities.values() if not q.parents}
    results = []
    for index, text in enumerate(sub_questions):
        rng = random.Random(f"{seed}/{world}/{'/'.join(sub_questions[: index + 1])}")
        slip = skill.first_slip + skill.slip_growth * index
        results.append(_text(_answer(world, read_question(text), known, rng, slip, skill.reach)))
    return results


def reason(world: World, plan: Sequence[str], seed: int, skill: Skill = USUAL) -> str:
    """A chain of thought along the solver's own sub-questions."""
    results = answers(world, plan, seed, skill)
    lines = [f"{question} The result is {result}." for question, result in zip(plan, results, strict=True)]
    return "\n".join([*lines, "", f"Final answer: {results[-1]}"])


def _answer(
    world: World, question: Question | None, known: dict[str, Fraction], rng: random.Random, slip: float, reach: int
) -> Fraction:
    """One answer; a person's number, right or wrong, is known from then on.

    Args:
        world: the problem.
        question: as it was understood; None: not at all.
        known: numbers of people; the answer is added.
        rng: what guesses and slips depend on.
        slip: the chance of one.
        reach: hops that the solver can take at once.
    """
    truth = None
    if question is not None and set(question.people) <= set(world.quantities):
        truth = _reached(world, question, known, reach)
        right = question.value(world.values(), world.goal_number)
        if truth is None and rng.random() < LUCK:
            truth = right
        elif truth is None:
            truth = _wrong(right, rng)
    if truth is None:
        return Fraction(rng.randint(1, 50))
    if rng.random() < slip:
        truth = _wrong(truth, rng)
    if question is not None and question.kind == "plain":
        known[question.people[0]] = truth
    return truth


def _reached(world: World, question: Question, known: dict[str, Fraction], reach: int) -> Fraction | None:
    """The answer where `reach` hops lead to it: a known number, one from known parents, or a goal of known people."""
    beyond = {} if reach == 1 else _derivable(world, known, reach - 1)
    known = {**beyond, **known}
    person = question.people[0]
    if question.kind == "plain" and person not in known:
        quantity = world.quantities[person]
        return quantity.value(known) if set(quantity.parents) <= set(known) else None
    if question.kind in ("cost", "share") and world.goal_number is None:
        return None
    return question.value(known, world.goal_number) if set(question.people) <= set(known) else None


def _derivable(world: World, known: dict[str, Fraction], hops: int) -> dict[str, Fraction]:
    """The numbers that so many hops lead to."""
    result = dict(known)
    for _ in range(hops):
        new = [q for q in world.quantities.values() if q.person not in result and set(q.parents) <= set(result)]
        result |= {quantity.person: quantity.value(result) for quantity in new}
    return result


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
