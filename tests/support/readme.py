"""The Python examples of a README, run as they are printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.conftest import ROOT


def run_examples(readme: str, section: str = "In Python") -> dict[str, Any]:
    """Runs the Python blocks of a section one after the other, and gives the names that they leave behind."""
    text = (ROOT / readme).read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks, f"{readme} has no Python under {section!r}"
    assert max(len(block.splitlines()) for block in blocks) <= 15
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(Path(readme)), "exec"), names)
    return names
