"""Dataset -> recipe -> checkpoint; in Python: `load_decomposer` (see `api`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recipes.api import TrainedDecomposer, load_decomposer

__all__ = ["TrainedDecomposer", "load_decomposer"]


def __getattr__(name: str) -> Any:
    """The public functions, loaded when they are first used."""
    if name in __all__:
        return getattr(importlib.import_module("recipes.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
