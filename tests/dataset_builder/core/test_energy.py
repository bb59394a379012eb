"""Energy: read from the management library for the GPU in use, None where anything is missing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dataset_builder.core import energy
from dataset_builder.core.energy import Energy, gpu_joules, read_joules

FIRST, SECOND = "00000000:01:00.0", "00000000:41:00.0"


class Library:
    """Stands for libnvidia-ml of a machine with two GPUs: three calls, of which one may fail."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.left = {FIRST: [2500, 2500], SECOND: [7_200_000, 10_800_000]}

    def nvmlInit_v2(self) -> int:
        return int(self.fails == "init")

    def nvmlDeviceGetHandleByPciBusId_v2(self, address: bytes, handle: Any) -> int:
        self.address = address.decode()
        return int(self.fails == "handle")

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any, value: Any) -> int:
        value._obj.value = self.left[self.address].pop(0)
        return int(self.fails == "counter")


def install(monkeypatch: pytest.MonkeyPatch, fails: str = "") -> None:
    library = Library(fails)
    monkeypatch.setattr(energy, "CDLL", lambda name: library)


def test_counter_is_joules(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    assert read_joules(FIRST) == 2.5


@pytest.mark.parametrize("fails", ["init", "handle", "counter"])
def test_anything_missing_is_none(fails: str, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, fails)
    assert read_joules(FIRST) is None


def test_machine_without_the_library_or_a_gpu_has_no_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise OSError(name)

    monkeypatch.setattr(energy, "CDLL", missing)
    assert read_joules(FIRST) is None
    assert gpu_joules() is None


def test_the_gpu_in_use_is_read_not_the_first_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA_VISIBLE_DEVICES=1: torch's only GPU, its number 0, is the machine's second."""
    import torch

    install(monkeypatch)
    gpu = SimpleNamespace(pci_domain_id=0, pci_bus_id=0x41, pci_device_id=0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: gpu)
    with Energy() as measured:
        pass
    assert measured.watt_hours == 1.0


def test_nothing_is_read_for_what_does_not_run_on_this_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "gpu_joules", lambda: pytest.fail("read"))
    with Energy(on_gpu=False) as measured:
        pass
    assert measured.watt_hours is None
