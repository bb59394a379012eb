"""How a run is doing: counts for `run.json`, one compact line for the person who waits.

    decompose 300/300 · answer 212/300 · feedback 601/900 · 98.2 req/s · ETA 0:04 · 64 in flight · $0.412 · 3 length

`core/progress.py` draws it.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataset_builder.core.progress import StatusLine, clock
from dataset_builder.llm.journal import LASTING, Totals
from dataset_builder.llm.request import Response

RATE_WINDOW_S = 20.0


@dataclass
class StageTally:
    """Counts of one task. `expected` may shrink when earlier failures make later requests pointless."""

    expected: int = 0
    reused: int = 0
    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    latency_s: float = 0.0

    @property
    def done(self) -> int:
        return self.reused + self.answered + self.failures.total()


class Tally:
    """Counts of one session, per task, on top of what the journal held before it."""

    def __init__(self, expected: Mapping[str, int], before: Sequence[Totals] = (), reasoning_before: int = 0) -> None:
        self.stages = {task: StageTally(expected=count) for task, count in expected.items()}
        self.before = list(before)
        self.reasoning_before = reasoning_before
        self.retries: Counter[str] = Counter()
        self.started = time.monotonic()
        self._marks: deque[tuple[float, int]] = deque([(self.started, 0)])

    def stage(self, task: str) -> StageTally:
        return self.stages.setdefault(task, StageTally())

    def reuse(self, response: Response) -> None:
        """A reply that the journal held already."""
        self.stage(response.request.task).reused += 1

    def add(self, response: Response) -> None:
        """A reply or failure of this session."""
        stage = self.stage(response.request.task)
        if response.error_kind is None:
            stage.answered += 1
        else:
            stage.failures[response.error_kind] += 1
        stage.prompt_tokens += response.prompt_tokens
        stage.completion_tokens += response.completion_tokens
        stage.reasoning_tokens += response.reasoning_tokens
        stage.latency_s += response.latency_s

    def skip(self, task: str, count: int) -> None:
        """These requests will not be made: what they needed failed."""
        self.stage(task).expected -= count

    @property
    def asked(self) -> int:
        return sum(stage.answered + stage.failures.total() for stage in self.stages.values())

    def given_up(self) -> int:
        """Failures that another run may heal."""
        return sum(count for stage in self.stages.values() for kind, count in stage.failures.items()
                   if kind not in LASTING)  # fmt: skip

    @property
    def remaining(self) -> int:
        return max(0, sum(stage.expected - stage.done for stage in self.stages.values()))

    def rate(self) -> float:
        """Replies per second over the last 20 seconds."""
        now, asked = time.monotonic(), self.asked
        if now - self._marks[-1][0] >= 0.5:
            self._marks.append((now, asked))
        while len(self._marks) > 1 and now - self._marks[1][0] > RATE_WINDOW_S:
            self._marks.popleft()
        then, count = self._marks[0]
        return (asked - count) / max(now - then, 1e-9)

    def facts(self) -> dict[str, Any]:
        """The counts as `run.json` holds them: of the whole run, and of this session."""
        requests: dict[str, dict[str, int]] = {}
        tokens = {"prompt": 0, "completion": 0}
        for row in self.before:
            outcomes = requests.setdefault(row.task, {})
            outcomes[row.outcome] = outcomes.get(row.outcome, 0) + row.requests
            tokens["prompt"] += row.prompt_tokens
            tokens["completion"] += row.completion_tokens
        failures: Counter[str] = Counter()
        for task, stage in self.stages.items():
            outcomes = requests.setdefault(task, {})
            for outcome, count in {"answered": stage.answered, **stage.failures}.items():
                outcomes[outcome] = outcomes.get(outcome, 0) + count
            tokens["prompt"] += stage.prompt_tokens
            tokens["completion"] += stage.completion_tokens
        reasoning = self.reasoning_before + sum(stage.reasoning_tokens for stage in self.stages.values())
        if reasoning:  # their share of the completion tokens
            tokens["reasoning"] = reasoning
        for outcomes in requests.values():
            failures.update({kind: count for kind, count in outcomes.items() if kind != "answered" and count})
        elapsed_s = time.monotonic() - self.started
        session = {
            "requests": self.asked,
            "reused": sum(stage.reused for stage in self.stages.values()),
            "retries": dict(self.retries),
            "wall_s": round(elapsed_s, 2),
            "requests_per_s": round(self.asked / max(elapsed_s, 1e-9), 2),
        }
        return {"requests": requests, "failures": dict(failures), "tokens": tokens, "session": session}

    def line(self, in_flight: int, cost: str) -> str:
        """One line for a person."""
        parts = [f"{task} {stage.done:,}/{stage.expected:,}" for task, stage in self.stages.items()]
        rate = self.rate()
        parts.append(f"{rate:.1f} req/s")
        if rate > 0 and self.remaining:
            parts.append(f"ETA {clock(self.remaining / rate)}")
        parts += [f"{in_flight} in flight", cost]
        kinds: Counter[str] = Counter()
        for stage in self.stages.values():
            kinds.update(stage.failures)
        parts += [f"{count} {kind}" for kind, count in kinds.most_common()]
        if self.retries:
            parts.append("retried " + ", ".join(f"{count} {kind}" for kind, count in self.retries.most_common(3)))
        return " · ".join(parts)


class Display(StatusLine):
    """The tally as a line on stderr."""

    def __init__(self, label: str, tally: Tally, enabled: bool) -> None:
        super().__init__(label, shown=enabled)
        self._tally = tally

    def draw(self, in_flight: int, cost: str, *, last: bool = False) -> None:
        """Redraws, or prints a plain line when one is due."""
        if last or self.due:
            self.show(self._tally.line(in_flight, cost), last=last)
