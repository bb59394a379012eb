"""Scores decomposer + solver pairs with intervals and paired tests; in Python: `score` (see `api`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eval_harness.api import PairScore, score

__all__ = ["PairScore", "score"]


def __getattr__(name: str) -> Any:
    """The public functions, loaded when they are first used."""
    if name in __all__:
        return getattr(importlib.import_module("eval_harness.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
