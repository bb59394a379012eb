"""Problems -> sub-questions -> answers -> feedback -> dataset; in Python see `api`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataset_builder.api import Solution, decompose, make_dataset, solve

__all__ = ["Solution", "decompose", "make_dataset", "solve"]


def __getattr__(name: str) -> Any:
    """The public functions, loaded when they are first used."""
    if name in __all__:
        return getattr(importlib.import_module("dataset_builder.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
