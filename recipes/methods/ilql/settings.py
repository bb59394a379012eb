"""How a policy guided by values decodes, and how its folder is known; importing this file loads no torch.

What training sets is `recipes.config.settings.IlqlSettings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
