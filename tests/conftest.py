"""Fixtures for all tests. Nothing here or in the tests reaches beyond loopback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def subq_data() -> Path:
    """The folder of published files (GSM8K, the paper's sub-questions and responses, ...): SUBQ_DATA or beside us."""
    folder = Path(os.environ.get("SUBQ_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "SHA256SUMS").is_file():
        pytest.skip("the published files are not here; name their folder with SUBQ_DATA")
    return folder
