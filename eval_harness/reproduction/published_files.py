"""Where the published responses and GSM8K's golds are: in SUBQ_DATA, or fetched from their homes."""

from __future__ import annotations

import os
from pathlib import Path

from dataset_builder.sources import SOURCES
from dataset_builder.sources.fetch import fetch_file
from dataset_builder.sources.published import PUBLISHED_RESPONSES, published_file


def published_responses() -> list[Path]:
    """What SUBQ_DATA holds of the published responses, or all of them, fetched from their home.

    Raises:
        UserError: they are in neither place.
    """
    folder = Path(os.environ.get("SUBQ_DATA") or "") / "gsm8k_ai_subq" / "eval_responses"
    if os.environ.get("SUBQ_DATA") and folder.is_dir():
        return [folder]
    return [published_file(f"eval_responses/{name}.jsonl") for name in PUBLISHED_RESPONSES]


def published_gold() -> Path:
    """GSM8K's test file at its pinned revision."""
    return fetch_file(SOURCES["gsm8k"], SOURCES["gsm8k"].files["test"])
