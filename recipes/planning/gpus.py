"""The GPUs a recipe may be planned for: memory a run can have, and arithmetic a second.

    gpu_named("12gb")  -> Gpu("12gb", usable 11.3 GiB, 26 teraflops: RTX 3060)

The rates are the makers' dense bfloat16 peaks of a GPU with that memory; an estimate of time needs no more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dataset_builder.core.errors import UserError

DISPLAY_AND_DRIVER_GIB = 0.5


@dataclass(frozen=True)
class Gpu:
    """A GPU, or the CPU (`teraflops` of float32 then)."""

    name: str
    """Of the preset, or as torch names it."""
    memory_gib: float
    """All of it."""
    teraflops: float
    """Dense bfloat16 peak; of a CPU, float32."""
    example: str
    """A product of that size."""
    on_gpu: bool = True
    """False: the CPU."""

    @property
    def usable_gib(self) -> float:
        """What is left beside driver and display."""
        return self.memory_gib - DISPLAY_AND_DRIVER_GIB if self.on_gpu else self.memory_gib


GPUS: dict[str, Gpu] = {
    gpu.name: gpu
    for gpu in (
        Gpu("8gb", 8, 30, "RTX 4060"),
        Gpu("12gb", 12, 26, "RTX 3060"),
        Gpu("16gb", 16, 44, "RTX 4060 Ti 16 GB"),
        Gpu("24gb", 24, 71, "RTX 3090, A10G"),
        Gpu("48gb", 48, 362, "L40S"),
        Gpu("80gb", 80, 312, "A100"),
    )
}
USUAL = ("8gb", "12gb", "16gb", "24gb")
"""What people have at home."""


def gpu_named(name: str) -> Gpu:
    """The preset of that name ("12gb"), or a GPU of any other size ("20gb") as fast as the next smaller preset.

    Raises:
        UserError: neither a preset nor a number of GB.
    """
    if name in GPUS:
        return GPUS[name]
    try:
        memory = float(name.lower().removesuffix("gb"))
    except ValueError:
        memory = 0.0
    if not 0 < memory < math.inf:
        raise UserError(f"unknown GPU {name!r}; give one of {', '.join(GPUS)}, or its memory, for instance 20gb")
    smaller = [gpu for gpu in GPUS.values() if gpu.memory_gib <= memory] or [GPUS["8gb"]]
    return Gpu(name, memory, smaller[-1].teraflops, f"as fast as {smaller[-1].example}")


def gpu_here() -> Gpu | None:
    """The largest GPU of this machine, as fast as a preset of its memory; None without one."""
    import torch

    if not torch.cuda.is_available():
        return None
    devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    largest = max(devices, key=lambda device: device.total_memory)
    memory = largest.total_memory / 2**30
    nearest = gpu_named(f"{memory + 1:.0f}gb")
    return Gpu(largest.name, memory, nearest.teraflops, nearest.example)


def this_cpu() -> Gpu:
    """This machine without a GPU: its free memory, and about 40 gigaflops a core."""
    import os

    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Gpu("cpu", psutil.virtual_memory().available / 2**30, 0.04 * cores, f"{cores} cores", on_gpu=False)
