"""The energy a GPU has used, from NVIDIA's management library; None where there is none.

Reads the counter of the whole card (millijoules since the driver was loaded, Volta and newer), so another program on
the same card is counted, too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

LIBRARY = "libnvidia-ml.so.1"


def gpu_joules(load: Callable[[str], Any] = ctypes.CDLL) -> float | None:
    """Joules since the driver was loaded, of the GPU that torch uses first."""
    import torch

    if not torch.cuda.is_available():
        return None
    found: Any = torch.cuda.get_device_properties(0)
    return read_joules(f"{found.pci_domain_id:08x}:{found.pci_bus_id:02x}:{found.pci_device_id:02x}.0", load)


def read_joules(address: str, load: Callable[[str], Any] = ctypes.CDLL) -> float | None:
    """The counter of the card at a PCI address; None where library, card or counter is missing."""
    try:
        library = load(LIBRARY)
    except OSError:
        return None
    handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    calls = (
        lambda: library.nvmlInit_v2(),
        lambda: library.nvmlDeviceGetHandleByPciBusId_v2(address.encode(), ctypes.byref(handle)),
        lambda: library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)),
    )
    return millijoules.value / 1000 if all(call() == 0 for call in calls) else None
