"""The stories of the embedded world: who has what, which relations there are, and how each is said.

    BAGS     "Ben has 5 more apples than Ana."                       MicroGSM itself
    WALKS    "Ben walks 5 miles farther than Ana."                   the second domain, to measure transfer to

A relation's and a question's arithmetic stands in `world`; a domain chooses among them and words them. Both are about
the same people, and share no sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NAMES = ("Ana", "Ben", "Carl", "Dora", "Emil", "Finn", "Gina", "Hugo", "Ines", "Jon", "Kira", "Luis")
DIVIDING = ("half", "third")
"""The relations that the teacher likes to leave out."""


@dataclass(frozen=True)
class Domain:
    """One kind of story. In its sentences {one} is the singular of {items}."""

    name: str
    """As sources have it."""
    items: tuple[str, ...]
    """What is counted, in the plural."""
    facts: Mapping[str, tuple[str, ...]]
    """Relation -> its wordings, the plainest first; "given" and "sum" are in every domain."""
    goal_facts: Mapping[str, tuple[str, ...]]
    """Kind of goal -> wordings of the fact that only it needs."""
    questions: Mapping[str, str]
    """Kind of question -> its wording; "plain" is what a hop asks."""

    @property
    def hops(self) -> list[str]:
        """The relations that derive a quantity from one other."""
        return [kind for kind in self.facts if kind not in ("given", "sum")]

    @property
    def goals(self) -> list[str]:
        """The kinds of question that are more than a hop."""
        return [kind for kind in self.questions if kind != "plain"]


BAGS = Domain(
    name="micro_gsm",
    items=("apples", "books", "drums", "eggs", "flags", "kites", "lamps", "pens", "stamps", "toys"),
    facts={
        "given": ("{a} has {n} {items}.", "There are {n} {items} in the bag of {a}."),
        "more": ("{a} has {n} more {items} than {b}.", "{a} has as many {items} as {b} and {n} more."),
        "fewer": ("{a} has {n} fewer {items} than {b}.",),
        "times": ("{a} has {n} times as many {items} as {b}.",),
        "half": ("{a} has half as many {items} as {b}.",),
        "sum": ("{a} has as many {items} as {b} and {c} together.",),
    },
    goal_facts={
        "cost": ("Each {one} costs {n} dollars.",),
        "share": ("{a} packs the {items} into {n} equal boxes.",),
    },
    questions={
        "plain": "How many {items} does {a} have?",
        "cost": "How many dollars do the {items} of {a} cost?",
        "share": "How many {items} does {a} put into each box?",
        "total": "How many {items} do {a} and {b} have together?",
        "gap": "How many more {items} does {a} have than {b}?",
    },
)
WALKS = Domain(
    name="micro_gsm_walks",
    items=("miles", "leagues", "blocks", "laps", "furlongs", "stages"),
    facts={
        "given": ("{a} walks {n} {items}.", "The way of {a} is {n} {items} long."),
        "more": ("{a} walks {n} {items} farther than {b}.",),
        "fewer": ("{a} stops {n} {items} before {b}.",),
        "third": ("{a} walks a third of the way of {b}.",),
        "round": ("{a} walks the way of {b} there and back.",),
        "twice_and": ("{a} walks the way of {b} twice and {n} {items} more.",),
        "sum": ("{a} walks as far as {b} and {c} together.",),
    },
    goal_facts={
        "cost": ("Each {one} takes {n} minutes.",),
        "share": ("{a} walks {n} {items} in an hour.",),
    },
    questions={
        "plain": "How many {items} does {a} walk?",
        "cost": "How many minutes does the way of {a} take?",
        "share": "How many hours does the way of {a} take?",
        "total": "How many {items} do {a} and {b} walk together?",
        "gap": "How many {items} farther does {a} walk than {b}?",
    },
)
DOMAINS = {domain.name: domain for domain in (BAGS, WALKS)}
