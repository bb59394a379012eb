"""The cards a recipe may be planned for: memory a run can have, and arithmetic a second.

    card_named("12gb")  -> Card("12gb", usable 11.3 GiB, 26 teraflops: RTX 3060)

The rates are the makers' dense bfloat16 peaks of a card with that memory; an estimate of time needs no more.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataset_builder.core.errors import UserError

DISPLAY_AND_DRIVER_GIB = 0.5


@dataclass(frozen=True)
class Card:
    """A GPU, or the CPU (`teraflops` of float32 then)."""

    name: str
    memory_gib: float
    teraflops: float
    example: str
    on_gpu: bool = True

    @property
    def usable_gib(self) -> float:
        """What is left beside driver and display."""
        return self.memory_gib - DISPLAY_AND_DRIVER_GIB if self.on_gpu else self.memory_gib


CARDS: dict[str, Card] = {
    card.name: card
    for card in (
        Card("8gb", 8, 30, "RTX 4060"),
        Card("12gb", 12, 26, "RTX 3060"),
        Card("16gb", 16, 44, "RTX 4060 Ti 16 GB"),
        Card("24gb", 24, 71, "RTX 3090, A10G"),
        Card("48gb", 48, 362, "L40S"),
        Card("80gb", 80, 312, "A100"),
    )
}


def card_named(name: str) -> Card:
    """The preset of that name ("12gb"), or a card of any other size ("20gb") as fast as the next smaller preset.

    Raises:
        UserError: neither a preset nor a number of GB.
    """
    if name in CARDS:
        return CARDS[name]
    try:
        memory = float(name.lower().removesuffix("gb"))
    except ValueError:
        memory = 0.0
    if memory <= 0:
        raise UserError(f"unknown card {name!r}; give one of {', '.join(CARDS)}, or its memory, for instance 20gb")
    smaller = [card for card in CARDS.values() if card.memory_gib <= memory] or [CARDS["8gb"]]
    return Card(name, memory, smaller[-1].teraflops, f"as fast as {smaller[-1].example}")


def card_here() -> Card | None:
    """The largest GPU of this machine, as fast as a preset of its memory; None without one."""
    import torch

    if not torch.cuda.is_available():
        return None
    places = range(torch.cuda.device_count())
    found = max((torch.cuda.get_device_properties(place) for place in places), key=lambda one: one.total_memory)
    memory = found.total_memory / 2**30
    nearest = card_named(f"{memory + 1:.0f}gb")
    return Card(found.name, memory, nearest.teraflops, nearest.example)


def cpu_card() -> Card:
    """This machine without a GPU: its free memory, and about 40 gigaflops a core."""
    import os

    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Card("cpu", psutil.virtual_memory().available / 2**30, 0.04 * cores, f"{cores} cores", on_gpu=False)
