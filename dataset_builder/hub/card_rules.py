"""The Hub's words for card metadata, checked offline: licences, sizes, and what counts as an unfilled placeholder.

Source: https://huggingface.co/docs/hub/repositories-licenses and the dataset card specification, as of 2026-11-21.
"""

from __future__ import annotations

import re

_LICENCE_WORDS = """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
    openrail++ afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0
    cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
    cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0
    cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl
    gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 lgpl-lr isc h-research intel-research lppl-1.3c ms-pl apple-ascl
    apple-amlr mpl-2.0 odc-by odbl openmdw-1.0 osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl
    deepfloyd-if-license fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma
    grok2-community unknown other
"""
LICENCES = frozenset(_LICENCE_WORDS.split())
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
