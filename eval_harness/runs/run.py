"""A run as its folder tells it: what it was, whether it ended, what came out and what it cost.

Run("outputs/demo/bc", "training", "finished", "bc full", "tiny", "gsm8k-ai-subq", 0.65, 0.594, 0.702, 300)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dataset_builder.core.locks import is_locked
from dataset_builder.llm.journal import cost_in

State = Literal["finished", "running", "stopped", "broken"]
"""Ended well; held by a process of this machine; to be gone on with; files cannot be read, or requests failed."""


@dataclass(frozen=True)
class Run:
    """One line of the list."""

    folder: str
    """Where it lies; of a scored pair with its name behind a colon."""
    kind: Literal["generation", "training", "evaluation"]
    """What was run."""
    state: State
    """How it stands."""
    method: str = ""
    """What is learnt; of a pair the decomposer; of a generation nothing."""
    backbone: str = ""
    """The pretrained model; of a pair the solver; of a generation the teacher."""
    data: str = ""
    """What was read."""
    accuracy: float | None = None
    """The share of right answers; of a checkpoint that of a pair with its weights."""
    low: float | None = None
    """Lower end of its interval."""
    high: float | None = None
    """Upper end."""
    n: int = 0
    """Predictions that it is over."""
    cost_usd: float | None = None
    """Of all requests in its folder; None: not known, or none was asked."""
    hours: float | None = None
    """Of training, or wall clock of a pair."""
    note: str = ""
    """What is missing or wrong."""
    settings: dict[str, Any] = field(default_factory=dict)
    """As resolved when it began."""
    weights_sha256: str = ""
    """By which a checkpoint and its scores find each other."""


def journal_cost(path: Path) -> float | None:
    """What a journal's replies cost; None without one, or where a price is not known."""
    return cost_in([path]) if path.is_file() else None


def open_state(journal: Path) -> State:
    """How a run stands that has not finished: its journal has one writer."""
    return "running" if is_locked(journal) else "stopped"
