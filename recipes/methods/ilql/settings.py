"""ILQL's constants and settings that planning and loading read, too; importing this file loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TWINS = 2
"""Q heads; the smaller of their values counts."""
HEAD_KINDS = ("mlp", "low_rank", "linear")
"""Shapes of a Q head, see `heads`."""
HEAD_RANK = 64
"""Width of the inner layer of `low_rank` heads."""
CHUNK = 256
"""Actions whose scores over the vocabulary are held at once."""
HEADS_FILE = "heads.safetensors"
"""V and Q heads, in the folder of a guided policy."""


@dataclass(frozen=True)
class Decoding:
    """How values guide the policy."""

    beta: float = 1.0
    """Weight of the advantage; 0 is the BC policy itself."""
    top_k: int = 32
    """Only the policy's k likeliest tokens; 0: all."""
    min_ratio: float = 0.0
    """Only tokens whose probability is at least this share of the likeliest's."""


def is_guided(path: str | Path) -> bool:
    """Whether `path` is the folder of a policy guided by values."""
    return (Path(path) / HEADS_FILE).is_file()
