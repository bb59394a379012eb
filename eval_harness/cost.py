"""What a pair costs, per role: requests, tokens, seconds, dollars; and watt-hours where a GPU counts them.

Tokens are the endpoint's own usage or the tokenizer's count, never words. `seconds` is the sum of the requests' times:
requests run side by side, so a run's wall clock is shorter (`wall_s` of the record).

    {"decompose": {"requests": 1319, "prompt_tokens": 355302, ..., "cost_usd": 0.13, "cost_per_1000_usd": 0.0986}, ...}

Source: arXiv 2402.15000, table 5 (cost columns). Differences: 1. real tokens instead of blank-separated words.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from eval_harness.predictions import Prediction, Usage, total_usage


def usage_by_role(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Tokens, seconds and dollars of decomposing and of solving; a dollar figure is None when a price is unknown."""
    roles = {
        "decompose": [prediction.decomposition.usage for prediction in predictions],
        "solve": [prediction.reply.usage for prediction in predictions],
    }
    return {role: _summary(usages) for role, usages in roles.items()}


def _summary(usages: Sequence[Usage]) -> dict[str, Any]:
    total = total_usage(usages)
    cost = total.cost_usd
    return {
        "predictions": len(usages),
        "prompt_tokens": total.prompt_tokens,
        "completion_tokens": total.completion_tokens,
        "seconds": round(total.seconds, 6),
        "cost_usd": cost,
        "cost_per_1000_usd": None if cost is None or not usages else 1000 * cost / len(usages),
    }


class Energy:
    """Watt-hours that the first NVIDIA GPU took inside the `with` block; None where no GPU counts them."""

    def __init__(self) -> None:
        self.watt_hours: float | None = None
        self._start: int | None = None

    def __enter__(self) -> Energy:
        self._start = _millijoules()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end = _millijoules()
        if self._start is not None and end is not None:
            self.watt_hours = (end - self._start) / 3_600_000


def _millijoules() -> int | None:
    """The GPU's energy counter since the driver was loaded, read from NVML without a further package."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    handle, energy = ctypes.c_void_p(), ctypes.c_ulonglong()
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)):
        return None
    if nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(energy)):
        return None
    return int(energy.value)
