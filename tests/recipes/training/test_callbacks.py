"""What a run counts over its sessions."""

from __future__ import annotations

import pytest

from recipes.training.callbacks import Tally


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
