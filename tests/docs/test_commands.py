"""Every command that README and the site name exists: the verb, the module, each of its options."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.blocks import blocks_of, commands_of, wrong_in

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_exists(page: Path) -> None:
    shown = [block for block in blocks_of(page) if block.language in ("bash", "sh")]
    wrong = {command: wrong_in(command) for block in shown for command in commands_of(block)}
    assert {command: fault for command, fault in wrong.items() if fault} == {}
