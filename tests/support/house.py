"""The modules of the house, and which of them are run by name."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import ROOT

PACKAGES = ("dataset_builder", "recipes", "eval_harness", "model_cards")
"""Each may import those before it, and itself."""
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """`recipes.train` of its file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def is_entry_point(path: Path) -> bool:
    """Whether one runs it: `python -m ...`."""
    return path.name == "__main__.py" or '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")
