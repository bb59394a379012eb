"""Energy: read from the management library where there is one, None where anything is missing."""

from __future__ import annotations

from typing import Any

import pytest

from recipes.training.callbacks import Tally
from recipes.training.energy import gpu_joules, read_joules


class Library:
    """Stands for libnvidia-ml: three calls, of which one may fail."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails

    def nvmlInit_v2(self) -> int:
        return int(self.fails == "init")

    def nvmlDeviceGetHandleByPciBusId_v2(self, address: bytes, handle: Any) -> int:
        assert address == b"00000000:01:00.0"
        return int(self.fails == "handle")

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any, value: Any) -> int:
        value._obj.value = 2500
        return int(self.fails == "counter")


def test_counter_is_joules() -> None:
    assert read_joules("00000000:01:00.0", lambda name: Library()) == 2.5


@pytest.mark.parametrize("fails", ["init", "handle", "counter"])
def test_anything_missing_is_none(fails: str) -> None:
    assert read_joules("00000000:01:00.0", lambda name: Library(fails)) is None


def test_machine_without_the_library_or_a_gpu_has_no_energy() -> None:
    def missing(name: str) -> Any:
        raise OSError(name)

    assert read_joules("00000000:01:00.0", missing) is None
    assert gpu_joules() is None


def test_tally_sums_the_energy_of_its_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = iter([100.0, 130.0, 7.0, 9.0])
    monkeypatch.setattr("recipes.training.callbacks.gpu_joules", lambda: next(counter))
    first = Tally()
    first.on_train_begin(None, None, None)
    first.on_train_end(None, None, None)
    second = Tally(energy_joules=first.energy_joules)
    second.on_train_begin(None, None, None)
    second.on_train_end(None, None, None)
    assert second.energy_joules == 32.0
