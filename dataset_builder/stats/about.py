"""What a card may say of a dataset's problems: what their sources are known for, and what the user states.

A named source brings its licence, language and domain (`sources`). Of a user's own file nothing is known, so the user
says it (`--title`, `--license`, `--language`, `--description`, `--domain`) or the card leaves it out; it is never
guessed. `facts.json` keeps what was said under "about", so that a new build or new statistics do not forget it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from dataset_builder.core.config import option
from dataset_builder.core.errors import UserError
from dataset_builder.hub.card_rules import LICENCES
from dataset_builder.sources import SOURCES
from dataset_builder.sources.source import MATH, Source

GSM8K_TITLE = "GSM8K-AI-SubQ"
UNKNOWN = "unknown"
OWN_FILE = Source(name="", licence="not stated", home="a file of the user's own", citation="", language="", domain="")

_GROUP = "card, where the problems are your own"


@dataclass
class AboutOptions:
    """What only the user knows of the problems; an entry point's config inherits these."""

    title: str = option("", "the card's title; empty: the folder's name", owner=_GROUP)
    license: str = option("", "of the dataset, such as cc-by-4.0; empty: unknown for own problems", owner=_GROUP)
    language: list[str] = option([], "of the problems, such as en", owner=_GROUP)
    description: str = option("", "what the problems are, in a sentence or two", owner=_GROUP)
    domain: str = option("", 'what they are about, such as "physics word problems"', owner=_GROUP)


@dataclass(frozen=True)
class About:
    """What is known of a dataset's problems; what is not known is empty."""

    title: str
    """The card's."""
    licence: str
    """Of the dataset as a whole: the Hub's word, or the owner's own; "unknown" where nobody said it."""
    languages: tuple[str, ...]
    """As codes."""
    description: str
    """The user's words."""
    domain: str
    """What the problems are about."""
    sources: tuple[Source, ...]
    """Where they come from; `OWN_FILE` for a user's file."""

    @property
    def is_gsm8k(self) -> bool:
        """Whether every problem is GSM8K's."""
        return _all_gsm8k(self.sources)

    @property
    def is_own(self) -> bool:
        """Whether some problems are from a user's file."""
        return OWN_FILE in self.sources

    @property
    def is_drawn(self) -> bool:
        """Whether every problem was drawn by a program of this toolkit."""
        return all(source.draw for source in self.sources)

    @property
    def is_math(self) -> bool:
        """Whether every problem is a math word problem, as far as is known."""
        return all(MATH in source.domain for source in self.sources)

    def licence_keys(self) -> dict[str, str]:
        """The keys of the card's YAML; terms that the Hub has no word for are `other` with a name."""
        if self.licence in LICENCES:
            return {"license": self.licence}
        return {"license": "other", "license_name": re.sub(r"[^a-z0-9]+", "-", self.licence.lower()).strip("-")}

    def missing(self) -> list[str]:
        """The options that would say what is not known, for own problems."""
        if not self.is_own:
            return []
        unsaid = {
            "--license": self.licence == UNKNOWN,
            "--language": not self.languages,
            "--domain": not self.domain,
            "--description": not self.description,
        }
        return [name for name, is_unsaid in unsaid.items() if is_unsaid]


def about_dataset(facts: Mapping[str, Any]) -> About:
    """What is known of the dataset that these facts are of."""
    said = facts.get("about") or {}
    found = [SOURCES.get(name, OWN_FILE) for name in facts["sources"]]
    sources = tuple({source.name: source for source in found}.values())
    named = () if OWN_FILE in sources else sources
    languages = dict.fromkeys(source.language for source in named)
    domains = dict.fromkeys(source.domain for source in named)
    return About(
        title=said.get("title") or (GSM8K_TITLE if _all_gsm8k(sources) else facts["name"]),
        licence=_licence(sources, said.get("license", "")),
        languages=tuple(said.get("language") or languages),
        description=said.get("description", ""),
        domain=said.get("domain") or " and ".join(domains),
        sources=sources,
    )


def said_about(options: AboutOptions, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the user says now, on top of what was said before.

    Raises:
        UserError: a licence that looks like a slip of the pen.
    """
    given = {field.name: value for field in fields(AboutOptions) if (value := getattr(options, field.name))}
    licence = given.get("license", "").lower()
    if licence in LICENCES:
        given["license"] = licence
    elif close := difflib.get_close_matches(licence, LICENCES, n=1, cutoff=0.8) if licence else []:
        raise UserError(f"--license: the Hub knows no {licence!r}, did you mean {close[0]!r}?")
    return {**before, **given}


def _all_gsm8k(sources: Sequence[Source]) -> bool:
    return all(source.name.startswith("gsm8k") for source in sources)


def _licence(sources: Sequence[Source], said: str) -> str:
    """A source's share-alike terms bind the whole; else the user's word; else, for known problems only, apache-2.0."""
    share_alike = sorted(source.licence.lower() for source in sources if "-sa" in source.licence.lower())
    if share_alike:
        return share_alike[0].replace(" ", "-")
    return said or (UNKNOWN if OWN_FILE in sources else "apache-2.0")
