"""The Hub's words for card metadata, checked offline: licences, sizes, and what counts as an unfilled placeholder.

Source: https://huggingface.co/docs/hub/repositories-licenses and the dataset card specification, as of 2026-11-21.
"""

from __future__ import annotations

import re
from pathlib import Path

LICENCES = frozenset(Path(__file__).with_name("licences.txt").read_text(encoding="utf-8").split())
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M")
PLACEHOLDER = re.compile(
    r"more information needed|\btodo\b|\btbd\b|\bfixme\b|lorem ipsum|\[optional\]|\bundefined\b|\bnan\b"
    r"|\{\{\s*[\w.]+\s*(?:\||\}\})|\{%|\[none\]\(|huggingface\.co/none\b",
    re.IGNORECASE,
)


def placeholders(text: str) -> list[str]:
    """The placeholders in a card's body, as "body: holds the placeholder ..."."""
    words = dict.fromkeys(match.lower() for match in PLACEHOLDER.findall(text))
    return [f"body: holds the placeholder {word!r}" for word in words]


def licence_problem(metadata: dict[str, object]) -> list[str]:
    """What the Hub would refuse of `license`, `license_name` and `license_link`."""
    licence = metadata.get("license")
    if licence not in LICENCES:
        return [f"license: {licence!r} is none that the Hub knows; take its identifier, or `other` with a name"]
    if licence == "other" and not metadata.get("license_name"):
        return ["license_name: missing, though license is `other`"]
    return []
