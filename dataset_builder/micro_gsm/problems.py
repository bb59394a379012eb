"""Draws MicroGSM problems: seeded grade-school word problems whose best decomposition is known.

    {"problem_id": "micro_gsm-train-00007", "problem": "Ben has 5 more apples than Ana. Ana has 12 apples. ...",
     "gold_answer": "34", "reference_sub_questions": ["How many apples does Ben have?", "How many dollars do the ..."]}

No two splits can share a text: a hash of the text names the one split that it may appear in.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.domains import BAGS, DIVIDING, DOMAINS, NAMES, Domain
from dataset_builder.micro_gsm.world import Quantity, Question, World
from dataset_builder.schema.records import SPLITS, Problem, Split

LARGEST = 99
"""No person has more things than this."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large problems are: how many people the answer depends on, how many it does not, and the vocabulary."""

    people: tuple[int, int]
    """How many the answer depends on, from and to."""
    distractors: tuple[int, int]
    """How many it does not depend on, likewise."""
    sums: bool = True
    """Whether a person may have as many as two others together."""
    names: int = 12
    """Of people, to draw from."""
    items: int = 10
    """Kinds of things, to draw from."""
    wordings: int = 2
    """Of each fact, at most."""
    beside: float = 0.5
    """The share of distractors that are derived, and so tempt to ask too much; the others are given."""
    shuffled: float = 1.0
    """The share of problems whose sentences come in any order; in the others a fact comes after those it depends on,
    with the distractors in between."""
    halves: float | None = None
    """The share of hops that divide; None: all kinds of hop are equally frequent."""


_SMALL = Size(people=(2, 3), distractors=(0, 1), sums=False, names=6, items=4, wordings=1, beside=0.3, shuffled=0.2)
SIZES = {
    "small": _SMALL,
    "medium": Size(people=(3, 4), distractors=(1, 3)),
    "large": Size(people=(3, 6), distractors=(1, 4)),
    "halving": replace(_SMALL, people=(3, 4), distractors=(0, 0), beside=0.0, shuffled=0.0, halves=0.7),
}
"""small is what a model of half a million parameters learns on two cores in about three minutes. halving
has one hop more, nothing beside the chain and all in order, so that it is easier to read, and most hops are of the
kind that the teacher likes to leave out."""


def generate_problems(
    split: Split, count: int, seed: int = 0, size: str = "small", domain: str = BAGS.name
) -> list[Problem]:
    """`count` problems of a split; the same arguments always give the same problems, and no text comes twice.

    Args:
        split: which texts are drawn; no text is in two splits.
        count: how many.
        seed: another one gives other problems.
        size: one of SIZES: how long the problems are.
        domain: one of `domains.DOMAINS`: which stories they tell.

    Raises:
        UserError: `size` is none of SIZES.
    """
    if size not in SIZES:
        raise UserError(f"no MicroGSM size {size!r}; there are {', '.join(SIZES)}")
    drawn = _draw_distinct(split, seed, SIZES[size], DOMAINS[domain])
    return [next(drawn) for _ in range(count)]


def _draw_distinct(split: Split, seed: int, size: Size, domain: Domain) -> Iterator[Problem]:
    """Endless problems of a split. A text belongs to the split its own hash names, so no two splits share one."""
    rng = random.Random(f"{seed}/{split}")
    seen: set[str] = set()
    while True:
        world, text = _draw(rng, size, domain)
        if text in seen or _home(text) != split:
            continue
        seen.add(text)
        yield Problem(
            problem_id=f"{domain.name}-{split}-{len(seen) - 1:05d}",
            problem=text,
            gold_answer=str(world.answer()),
            source=domain.name,
            split=split,
            reference_sub_questions=tuple(world.ask(question) for question in world.reference()),
        )


def _home(text: str) -> Split:
    return SPLITS[random.Random(text).randrange(len(SPLITS))]


def _draw(rng: random.Random, size: Size, domain: Domain) -> tuple[World, str]:
    """One problem whose numbers are all whole, positive and small."""
    while True:
        world = _draw_world(rng, size, domain)
        values = world.values()
        numbers = [*values.values(), world.answer()]
        if all(number.denominator == 1 and number > 0 for number in numbers) and max(values.values()) <= LARGEST:
            return world, world.text(_draw_wordings(rng, world, size))


def _draw_world(rng: random.Random, size: Size, domain: Domain) -> World:
    depth, extra = rng.randint(*size.people), rng.randint(*size.distractors)
    names = rng.sample(NAMES[: size.names], depth + extra)
    quantities = {names[0]: _given_quantity(rng, names[0])}
    for index in range(1, depth):
        quantities[names[index]] = _derived_quantity(rng, names[index], names[:index], size, domain, sums=size.sums)
    for name in names[depth:]:
        parents = list(quantities)[: depth - 1]
        derived = rng.random() < size.beside
        quantities[name] = (
            _derived_quantity(rng, name, parents, size, domain, sums=False) if derived else _given_quantity(rng, name)
        )
    goal, number = _draw_goal(rng, names[:depth], domain)
    return World(rng.choice(domain.items[: size.items]), quantities, goal, number, domain)


def _given_quantity(rng: random.Random, name: str) -> Quantity:
    return Quantity(name, "given", rng.randint(3, 40), ())


def _derived_quantity(
    rng: random.Random, name: str, parents: list[str], size: Size, domain: Domain, *, sums: bool
) -> Quantity:
    """A quantity one hop from the newest of `parents` (and, for a sum, from another one too)."""
    kinds = domain.hops + (["sum"] if sums and len(parents) > 1 else [])
    halve = size.halves is not None and rng.random() < size.halves
    kind = next(kind for kind in domain.hops if kind in DIVIDING) if halve else rng.choice(kinds)
    if kind == "sum":
        return Quantity(name, kind, None, (parents[-1], rng.choice(parents[:-1])))
    numbers = {"more": rng.randint(2, 9), "fewer": rng.randint(2, 9), "times": rng.randint(2, 4)}
    return Quantity(name, kind, (numbers | {"twice_and": numbers["more"]}).get(kind), (parents[-1],))


def _draw_goal(rng: random.Random, people: list[str], domain: Domain) -> tuple[Question, int | None]:
    kinds = domain.goals + (["plain"] if len(people) > 2 else [])
    kind = rng.choice(kinds)
    if kind in ("total", "gap"):
        return Question(kind, (people[-1], rng.choice(people[:-1]))), None
    return Question(kind, (people[-1],)), rng.randint(2, 5) if kind in domain.goal_facts else None


def _draw_wordings(rng: random.Random, world: World, size: Size) -> list[tuple[str, str]]:
    facts = [
        (person, rng.choice(world.domain.facts[quantity.kind][: size.wordings]))
        for person, quantity in world.quantities.items()
    ]
    needed = set(world.order(world.goal.people))
    chain = [fact for fact in facts if fact[0] in needed]
    others = [fact for fact in facts if fact[0] not in needed]
    if world.goal.kind in world.domain.goal_facts:
        others.append(("", rng.choice(world.domain.goal_facts[world.goal.kind])))
    if rng.random() < size.shuffled:
        rng.shuffle(chain)
    for fact in others:
        chain.insert(rng.randint(0, len(chain)), fact)
    return chain
