"""Counts what a build writes and what it cannot: problems, sets, failures, and where they come from."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import Any

from dataset_builder.build.label import label_set, sub_questions_of_set
from dataset_builder.schema.records import Failure, LabelledSet, RawSet


class BuildTally:
    """Counts problems, sets, failures and where they come from."""

    def __init__(self) -> None:
        self.problems: collections.Counter[str] = collections.Counter()
        self.sets: collections.Counter[str] = collections.Counter()
        self.failures: collections.Counter[tuple[str, str]] = collections.Counter()
        self.origins: dict[str, collections.Counter[str]] = {
            key: collections.Counter() for key in ("sources", "teachers", "solvers", "prompts", "temperatures")
        }
        self.unreadable_sets = 0
        self.usage: dict[str, float] = {"prompt_tokens": 0, "completion_tokens": 0, "cost_usd": 0.0}
        self.unpriced = False

    def count(self, raw_sets: Sequence[RawSet], rule: str, split: str) -> list[LabelledSet]:
        """Labels a problem's sets, counting what is there and what is not."""
        self.problems[split] += 1
        labelled_sets = []
        for raw in raw_sets:
            self._count_origin(raw)
            labelled = label_set(raw, rule)
            if labelled is None:
                self.unreadable_sets += 1
                self._count_failures([*raw.failures, sub_questions_of_set(raw)])
                continue
            self._count_failures(labelled.failures)
            self.sets[split] += 1
            labelled_sets.append(labelled)
        return labelled_sets

    def facts(self) -> dict[str, Any]:
        return {
            "problems": dict(self.problems),
            "sets": dict(self.sets),
            "unreadable_sets": self.unreadable_sets,
            "failures": [
                {"stage": stage, "kind": kind, "count": count}
                for (stage, kind), count in sorted(self.failures.items(), key=lambda item: (-item[1], item[0]))
            ],
            **{key: dict(sorted(counter.items())) for key, counter in self.origins.items()},
            "usage": self.usage | {"cost_usd": None if self.unpriced else round(self.usage["cost_usd"], 6)},
        }

    def _count_failures(self, failures: Sequence[Failure | tuple[str, ...]]) -> None:
        unique = {(item.stage, item.kind, item.detail): item for item in failures if isinstance(item, Failure)}
        self.failures.update((stage, kind) for stage, kind, _ in unique)

    def _count_origin(self, raw: RawSet) -> None:
        provenance, temperature = raw.provenance, raw.provenance.temperature
        origins = {
            "sources": raw.problem.source,
            "teachers": provenance.teacher,
            "solvers": provenance.solver,
            "temperatures": "" if temperature is None else str(temperature),
        }
        for key, value in origins.items():
            if value:
                self.origins[key][value] += 1
        self.origins["prompts"].update(provenance.prompts.values())
        self.unpriced |= provenance.cost_usd is None
        for key in self.usage:
            self.usage[key] += getattr(provenance, key) or 0
