"""What a micro-batch costs on the GPU that is here, measured before the first step: bytes and seconds of its tokens.

The longest rows that the planned budget holds go forward and backward twice; what they took above what was there
before, set against the memory that is left, gives the budget of the run. Nothing of it stays: no gradient, no count,
no random number.

    probed 6,540 tokens: 0.41 MiB and 0.31 ms a token; micro-batches of up to 8,200 tokens (6,600 planned)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch

MARGIN = 0.1
"""Of the memory, kept free: batches differ, and an allocator leaves gaps."""


class Meter(Protocol):
    """The memory of a device, as far as a probe asks for it."""

    def start(self) -> int:
        """Forgets the peak before; gives what is held now, in bytes."""
        ...

    def peak(self) -> int:
        """Most that was held since, when all work is done."""
        ...

    def room(self) -> int:
        """What this process may hold in all."""
        ...


@dataclass(frozen=True)
class CudaMeter:
    """Of the current GPU."""

    limit: int
    """No more than this is used, as planned for a GPU of that size."""

    def start(self) -> int:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_reserved()

    def peak(self) -> int:
        torch.cuda.synchronize()
        return torch.cuda.max_memory_reserved()

    def room(self) -> int:
        free, total = torch.cuda.mem_get_info()
        share = torch.cuda.get_per_process_memory_fraction()
        return int(min(free + torch.cuda.memory_reserved(), share * total, self.limit))


def meter_here(limit: int) -> Meter | None:
    """Of the GPU that is here; None on a CPU, whose plan is arithmetic."""
    return CudaMeter(limit) if torch.cuda.is_available() else None


@dataclass(frozen=True)
class Probe:
    """What was measured."""

    tokens: int
    """Of the micro-batch, padding included."""
    bytes_per_token: float
    """Above what was held before, gradients included."""
    seconds_per_token: float
    """Forward and backward, launches included."""
    held_gib: float
    """Before, with the optimiser's state to come."""
    room_gib: float
    """That the process may hold."""
    micro_batch_tokens: int
    """What fits in the rest, a tenth of the memory left free."""

    def facts(self) -> dict[str, Any]:
        """For the record."""
        return asdict(self)

    def text(self, planned: int) -> str:
        return (
            f"probed {self.tokens:,} tokens: {self.bytes_per_token / 2**20:.2f} MiB and "
            f"{1000 * self.seconds_per_token:.2f} ms a token; micro-batches of up to {self.micro_batch_tokens:,} "
            f"tokens ({planned:,} planned, {MARGIN:.0%} of the memory stay free)"
        )


def measure(meter: Meter, tokens: int, state_bytes: int, run: Callable[[], object]) -> Probe:
    """Runs a micro-batch twice: for its memory, and, warm, for its time.

    Args:
        meter: of the device.
        tokens: that `run` puts through the model.
        state_bytes: what the optimiser will hold after its first step and does not hold yet.
        run: one forward and backward.
    """
    before = meter.start()
    run()
    needed = max(1, meter.peak() - before) / tokens
    started = time.monotonic()
    run()
    meter.peak()
    seconds = time.monotonic() - started
    held, room = before + state_bytes, meter.room()
    return Probe(
        tokens=tokens,
        bytes_per_token=round(needed, 1),
        seconds_per_token=seconds / tokens,
        held_gib=round(held / 2**30, 3),
        room_gib=round(room / 2**30, 3),
        micro_batch_tokens=max(1, int(((1 - MARGIN) * room - held) / needed)),
    )
