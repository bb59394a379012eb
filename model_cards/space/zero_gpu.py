"""Runs a function on the GPU that ZeroGPU lends for its duration; elsewhere the function is what it was.

ZeroGPU's package `spaces` is there on a Gradio Space and nowhere else. Weights are put on the GPU before a function
asks for one, and what a function learns is lost: it runs in a process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

SECONDS = 30
"""The longest that one answer may hold the GPU."""


def on_zero_gpu() -> bool:
    """Whether this process is a Space on ZeroGPU."""
    return bool(os.environ.get("SPACES_ZERO_GPU"))


def with_gpu(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The function, on ZeroGPU's GPU where there is one to lend."""
    if not on_zero_gpu():
        return function
    import spaces

    lent: Callable[Arguments, Result] = spaces.GPU(duration=SECONDS)(function)
    return lent
