"""Refusals of single rows, held back while nothing of their kind was answered: then it is the command that is wrong.

A row that is refused for good is recorded, so that a resumed run does not ask it again. But where every row is refused
(a parameter that the server does not take, a wrong prompt), recording would burn them all. So a refusal waits until
something with the same task and model is answered; after a handful of equal ones without an answer the run stops.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from dataset_builder.llm.request import Request
from dataset_builder.llm.retry import Fault

HANDFUL = 8
MOST_DIFFERENT = 32
_OWN = re.compile(r"""\d+|'[^']*'|"[^"]*"|`[^`]*`""")
Group = tuple[str, str]


class Refusals:
    """The refusals of one session.

    Args:
        answered_before: (task, model) pairs that the journal holds answers of.
    """

    def __init__(self, answered_before: Iterable[Group] = ()) -> None:
        self._before = set(answered_before)
        self._answered: set[Group] = set()
        self._held: dict[Group, list[tuple[Request, Fault]]] = {}

    def hold(self, request: Request, fault: Fault) -> bool:
        """Keeps a refusal back; False where it is this row's own, because others were answered."""
        group = (request.task, request.model)
        if group in self._answered or fault.kind == "moderation":
            return False
        self._held.setdefault(group, []).append((request, fault))
        return True

    def __contains__(self, request: Request) -> bool:
        return any(request.key == held.key for held, _ in self._held.get((request.task, request.model), []))

    def answered(self, request: Request) -> list[tuple[Request, Fault]]:
        """Something was answered: gives back what was held of its kind, to be recorded."""
        group = (request.task, request.model)
        if group in self._answered:
            return []
        self._answered.add(group)
        return self._held.pop(group, [])

    def of_every_row(self) -> Fault | None:
        """The refusal that all rows meet, once it was seen often enough."""
        for held in self._held.values():
            counts = Counter(_said(fault) for _, fault in held)
            said, count = counts.most_common(1)[0]
            if count >= HANDFUL or len(held) >= MOST_DIFFERENT:
                return next(fault for _, fault in held if _said(fault) == said)
        return None

    def end(self) -> tuple[list[tuple[Request, Fault]], Fault | None]:
        """At a run's end: what is to be recorded after all, and the first refusal where nothing was ever answered."""
        known = [pair for group, held in self._held.items() if group in self._before for pair in held]
        unknown = next(self._never_answered(), None)
        self._held.clear()
        return known, unknown

    def _never_answered(self) -> Iterator[Fault]:
        for group, held in self._held.items():
            if group not in self._before:
                yield from (fault for _, fault in held)


def _said(fault: Fault) -> str:
    """A refusal without what is the row's own in it: numbers and quotations."""
    return f"{fault.kind}: {_OWN.sub('_', fault.detail)}"
