"""What a training run says of itself is said on every system."""

from __future__ import annotations

import sys

import psutil
import pytest

from recipes.training.record import _host_peak_bytes


def test_peak_memory_is_known_without_the_resource_module(monkeypatch: pytest.MonkeyPatch) -> None:
    assert psutil.Process().pid
    known = _host_peak_bytes()
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows: importing it fails
    assert 0.2 * known < _host_peak_bytes() < 5 * known
