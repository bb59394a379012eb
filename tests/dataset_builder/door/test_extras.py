"""The base install does without torch; what is missing is one line that says what to install."""

from __future__ import annotations

import sys
import tomllib

import pytest

from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.values import check_installed
from dataset_builder.door.extras import DISTRIBUTION, extra_message
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_a_missing_package_is_one_line_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    @entry_point
    def main(argv: object) -> None:
        import torch.nn  # noqa: F401

    assert main([]) == 2
    expected = 'error: this needs torch, which is not installed: pip install "gsm8k-ai-subq[train]"\n'
    assert capsys.readouterr().err == expected


def test_a_package_that_no_extra_brings_keeps_its_traceback() -> None:
    @entry_point
    def main(argv: object) -> None:
        import no_such_package  # noqa: F401

    with pytest.raises(ModuleNotFoundError):
        main([])


def test_what_will_be_needed_is_refused_at_the_door() -> None:
    check_installed("yaml")
    with pytest.raises(UserError, match="no_such_package, which is not installed"):
        check_installed("no_such_package")
    assert extra_message("no_such_package") is None


def test_the_extras_are_those_of_the_project() -> None:
    assert PROJECT["name"] == DISTRIBUTION
