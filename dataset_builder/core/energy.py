"""The energy that the GPU in use has taken, from NVIDIA's management library; None where there is none.

The GPU is the one that this process computes on. It is looked up by its PCI address, because torch numbers the GPUs
that CUDA_VISIBLE_DEVICES leaves and the library numbers all of them. The counter is of the whole GPU (millijoules
since the driver was loaded, Volta and newer), so another program on the same one is counted, too.
"""

from __future__ import annotations

import ctypes
from ctypes import CDLL
from dataclasses import dataclass
from typing import Any

LIBRARY = "libnvidia-ml.so.1"


def gpu_joules() -> float | None:
    """Joules since the driver was loaded, of the GPU that torch computes on; imports torch."""
    import torch

    if not torch.cuda.is_available():
        return None
    gpu: Any = torch.cuda.get_device_properties(torch.cuda.current_device())
    return read_joules(f"{gpu.pci_domain_id:08x}:{gpu.pci_bus_id:02x}:{gpu.pci_device_id:02x}.0")


def read_joules(address: str) -> float | None:
    """The counter of the GPU at a PCI address; None where library, GPU or counter is missing."""
    try:
        library = CDLL(LIBRARY)
    except OSError:
        return None
    handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    calls = (
        lambda: library.nvmlInit_v2(),
        lambda: library.nvmlDeviceGetHandleByPciBusId_v2(address.encode(), ctypes.byref(handle)),
        lambda: library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)),
    )
    return millijoules.value / 1000 if all(call() == 0 for call in calls) else None


@dataclass
class Energy:
    """The energy that the GPU in use takes inside the `with` block."""

    on_gpu: bool = True
    """False: nothing in the block runs on this process's GPU, so that torch need not be imported."""
    watt_hours: float | None = None
    """After the block; None where no GPU is used or none counts them."""
    _start: float | None = None

    def __enter__(self) -> Energy:
        self._start = gpu_joules() if self.on_gpu else None
        return self

    def __exit__(self, *error: object) -> None:
        if self._start is not None and (end := gpu_joules()) is not None:
            self.watt_hours = (end - self._start) / 3600
