"""What the methods that sample share."""

from __future__ import annotations

from pathlib import Path

import pytest

from recipes.config.methods import METHODS
from tests.recipes.methods.online.conftest import Online
from tests.support.diverging import check_stopped_by_gradients


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row.samples])
def test_gradients_that_are_no_number_stop_every_method_with_its_last_good_checkpoint(
    method: str, online: Online, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"logging_steps": 1, "save_steps": 1, "max_steps": 3}
    check_stopped_by_gradients(online(tmp_path / "out", method, **options), monkeypatch)
