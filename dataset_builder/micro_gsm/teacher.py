"""A fallible decomposer and a fallible critic, both reading nothing but the text.

The teacher knows the reference decomposition and spoils it in *systematic* ways, tied to the kind of problem, so that
its most frequent behaviour is wrong on some kinds while good behaviour is present in its samples:

    weakness           where                                    what it does                         how often
    skips_half         a hop that halves (or takes a third)     leaves the hop out                      65 %
    skips_first        the goal "gap"                           leaves the first needed hop out         60 %
    asks_given         the goals "share" and "cost"             asks first for a number that is given   40 %
    asks_beside        a distractor can be computed             asks for it in the middle               25 %

and in random slips: it drops a hop (6 %), repeats a question (5 %), swaps two (3 %), stops early (3 %). At temperature
0 each weakness shows exactly where it is more frequent than not. A `STUBBORN` teacher leaves out four hops of kind
"half" in five, so that a whole set without a fault is rare where a problem has several. The critic sees what is wrong
with a question, and errs in one case of eight.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataset_builder.micro_gsm.domains import DIVIDING
from dataset_builder.micro_gsm.world import Question, World, read_question


@dataclass(frozen=True)
class Weaknesses:
    """How often each weakness shows where it can."""

    skips_half: float = 0.65
    """Leaves a hop of kind "half" out."""
    skips_first: float = 0.60
    """Leaves the first needed hop out."""
    asks_given: float = 0.40
    """Asks first for a number that is given."""
    asks_beside: float = 0.25
    """Asks for what a distractor gives."""


USUAL = Weaknesses()
STUBBORN = Weaknesses(skips_half=0.80)
DROPS, REPEATS, SWAPS, STOPS = 0.06, 0.05, 0.03, 0.03
CRITIC_ERROR = 0.125


def decompose(world: World, rng: random.Random, temperature: float, weak: Weaknesses = USUAL) -> list[str]:
    """One sub-question set.

    Args:
        world: the problem, understood.
        rng: what the teacher's sample depends on.
        temperature: 0: the most frequent behaviour; any other: the full spread.
        weak: how often each weakness shows.
    """

    def happens(chance: float) -> bool:
        return rng.random() < chance if temperature > 0 else chance > 0.5

    halves = {person for person, quantity in world.quantities.items() if quantity.kind in DIVIDING}
    hops = [hop for hop in world.reference()[:-1] if not (hop.people[0] in halves and happens(weak.skips_half))]
    if world.goal.kind == "gap" and happens(weak.skips_first):
        hops = hops[1:]
    if world.goal.kind in ("share", "cost") and happens(weak.asks_given):
        hops = [Question("plain", (_given_root(world),)), *hops]
    beside = [question for question in _beside(world) if happens(weak.asks_beside)]
    questions = [*hops[:1], *beside[:1], *hops[1:], world.goal]
    return [world.ask(question) for question in _slip(questions, happens)]


def vote(world: World, sub_questions: Sequence[str], rng: random.Random) -> list[bool]:
    """The critic's verdict on each sub-question, wrong with CRITIC_ERROR."""
    return [useful != (rng.random() < CRITIC_ERROR) for useful in is_useful(world, sub_questions)]


def is_useful(world: World, sub_questions: Sequence[str]) -> list[bool]:
    """The truth behind the votes: needed, not given, not asked before, and one hop from what is known by then."""
    known = {person for person, quantity in world.quantities.items() if not quantity.parents}
    needed = set(world.needed())
    verdicts = []
    for text in sub_questions:
        question = read_question(text)
        verdicts.append(question is not None and _adds(world, question, known, needed))
        if question is not None and verdicts[-1] and question.kind == "plain":
            known.add(question.people[0])
    return verdicts


def _adds(world: World, question: Question, known: set[str], needed: set[str]) -> bool:
    if question.kind != "plain":
        return question == world.goal and set(question.people) <= known
    person = question.people[0]
    return person in needed and person not in known and set(world.quantities[person].parents) <= known


def _given_root(world: World) -> str:
    return next(person for person in world.order(world.goal.people) if not world.quantities[person].parents)


def _beside(world: World) -> list[Question]:
    """Questions about derived people whom the answer does not need."""
    idle = set(world.quantities) - set(world.order(world.goal.people))
    return [Question("plain", (person,)) for person in sorted(idle) if world.quantities[person].parents]


def _slip(questions: list[Question], happens: Callable[[float], bool]) -> list[Question]:
    if len(questions) > 1 and happens(DROPS):
        questions = questions[1:]
    if happens(REPEATS):
        questions = [questions[0], *questions]
    if len(questions) > 2 and happens(SWAPS):
        questions = [questions[1], questions[0], *questions[2:]]
    if len(questions) > 1 and happens(STOPS):
        questions = questions[:-1]
    return questions
