"""The graph behind a MicroGSM problem, its wording, and the way back from the text to the graph.

A *quantity* is how many things one person has: given, or derived from one or two other people's. The *goal* is what
the problem asks for; how both are said is the domain's (`domains`). `World.text` writes the problem, `World.read`
recovers the graph from the text alone: that is all the solver, the teacher and the critic are ever given.

    "Ben has 5 more apples than Ana. Ana has 12 apples. Each apple costs 2 dollars.
     How many dollars do the apples of Ben cost?"
    Quantity("Ben", "more", 5, ("Ana",)), Quantity("Ana", "given", 12, ()); Goal("cost", ("Ben",), 2)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from dataset_builder.micro_gsm.domains import BAGS, DOMAINS, Domain


@dataclass(frozen=True)
class Quantity:
    """How many things a person has."""

    person: str
    """Whose they are."""
    kind: str
    """A key of its domain's facts."""
    number: int | None
    """What the fact names; None where it names none, as for half."""
    parents: tuple[str, ...]
    """Whose numbers it depends on."""

    def value(self, known: Mapping[str, Fraction]) -> Fraction:
        """The number, one hop from the parents' numbers in `known`."""
        n, of = Fraction(self.number or 0), [known[parent] for parent in self.parents]
        match self.kind:
            case "given":
                return n
            case "more":
                return of[0] + n
            case "fewer":
                return of[0] - n
            case "times":
                return of[0] * n
            case "half":
                return of[0] / 2
            case "third":
                return of[0] / 3
            case "round":
                return of[0] * 2
            case "twice_and":
                return of[0] * 2 + n
        return of[0] + of[1]


@dataclass(frozen=True)
class Question:
    """What a question asks."""

    kind: str
    """A key of its domain's questions."""
    people: tuple[str, ...]
    """One or two."""

    def value(self, known: Mapping[str, Fraction], goal_number: int | None) -> Fraction:
        """The answer, one hop from the people's numbers in `known`."""
        first = known[self.people[0]]
        match self.kind:
            case "cost":
                return first * (goal_number or 0)
            case "share":
                return first / (goal_number or 1)
            case "total":
                return first + known[self.people[1]]
            case "gap":
                return first - known[self.people[1]]
        return first


@dataclass(frozen=True)
class World:
    """A problem as a graph."""

    items: str
    """What everybody has, in the plural."""
    quantities: Mapping[str, Quantity]
    """By person."""
    goal: Question
    """What is asked."""
    goal_number: int | None = None
    """The number in the goal's own fact: a price, or boxes."""
    domain: Domain = field(default=BAGS, repr=False)
    """How it is said; not in its `repr`, which seeds the solver's slips."""

    def ask(self, question: Question) -> str:
        """The question in words."""
        a, b = (*question.people, "")[:2]
        return self.domain.questions[question.kind].format(items=self.items, a=a, b=b)

    def values(self) -> dict[str, Fraction]:
        """Every person's true number."""
        known: dict[str, Fraction] = {}
        for person in self.order(self.quantities):
            known[person] = self.quantities[person].value(known)
        return known

    def answer(self) -> Fraction:
        """The problem's true answer."""
        return self.goal.value(self.values(), self.goal_number)

    def order(self, people: Iterable[str]) -> list[str]:
        """`people` and all they depend on, each after its parents; the order is that of first need."""
        done: list[str] = []

        def visit(person: str) -> None:
            if person not in done:
                for parent in self.quantities[person].parents:
                    visit(parent)
                done.append(person)

        for person in people:
            visit(person)
        return done

    def needed(self) -> list[str]:
        """The derived people that the goal needs, each after those it depends on."""
        return [person for person in self.order(self.goal.people) if self.quantities[person].parents]

    def reference(self) -> list[Question]:
        """The reference decomposition: one hop each, the goal last."""
        hops = [Question("plain", (person,)) for person in self.needed()]
        return [hop for hop in hops if hop != self.goal] + [self.goal]

    def text(self, wordings: Sequence[tuple[str, str]]) -> str:
        """The problem in words: `wordings` are (person or "", template) in order; the question comes last."""
        sentences = [self._sentence(person, template) for person, template in wordings]
        return " ".join([*sentences, self.ask(self.goal)])

    def _sentence(self, person: str, template: str) -> str:
        one = self.items.removesuffix("s")
        if not person:
            return template.format(one=one, items=self.items, a=self.goal.people[0], n=self.goal_number)
        quantity = self.quantities[person]
        b, c = (*quantity.parents, "", "")[:2]
        return template.format(a=person, n=quantity.number, items=self.items, b=b, c=c)

    @classmethod
    def read(cls, text: str) -> World | None:
        """The graph behind a problem's text, or None where the text is not one of this world's."""
        sentences = _SENTENCE.findall(text)
        return next(filter(None, (cls._read(sentences, domain) for domain in DOMAINS.values())), None)

    @classmethod
    def _read(cls, sentences: Sequence[str], domain: Domain) -> World | None:
        quantities: dict[str, Quantity] = {}
        goal, goal_number, items = None, None, ""
        for sentence in sentences:
            kind, parts = _read_sentence(sentence, domain)
            if parts is None:
                return None
            items = parts.get("items", items)
            if sentence.endswith("?"):
                goal = _question(kind, parts)
            elif kind in domain.goal_facts:
                goal_number = int(parts["n"])
            else:
                number = int(parts["n"]) if "n" in parts else None
                parents = tuple(parts[key] for key in ("b", "c") if key in parts)
                quantities[parts["a"]] = Quantity(parts["a"], kind, number, parents)
        if goal is None or not all(parent in quantities for q in quantities.values() for parent in q.parents):
            return None
        return cls(items, quantities, goal, goal_number, domain)


def read_question(text: str) -> Question | None:
    """What a sub-question asks, in any domain's words, or None where it is none of this world's.

    >>> read_question("How many apples does Ben have?")
    Question(kind='plain', people=('Ben',))
    """
    sentence = " ".join(text.split())
    for domain in DOMAINS.values() if sentence.endswith("?") else ():
        kind, parts = _read_sentence(sentence, domain)
        if parts is not None:
            return _question(kind, parts)
    return None


def _question(kind: str, parts: Mapping[str, str]) -> Question:
    return Question(kind, tuple(parts[key] for key in ("a", "b") if key in parts))


def _read_sentence(sentence: str, domain: Domain) -> tuple[str, dict[str, str] | None]:
    for kind, pattern in _PATTERNS[domain.name]:
        if match := pattern.fullmatch(sentence):
            return kind, match.groupdict()
    return "", None


def _pattern(template: str) -> re.Pattern[str]:
    seen: set[str] = set()

    def group(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>[0-9]+)" if name == "n" else f"(?P<{name}>[A-Za-z]+)"

    return re.compile(re.sub(r"\\{(\w+)\\}", group, re.escape(template)))


_SENTENCE = re.compile(r"\S[^.?]*[.?]")
_PATTERNS = {
    domain.name: [
        (kind, _pattern(template))
        for table in (domain.facts, domain.goal_facts, {kind: (text,) for kind, text in domain.questions.items()})
        for kind, templates in table.items()
        for template in templates
    ]
    for domain in DOMAINS.values()
}
