"""What a source is, and what the readers of several sources share.

A named source is one file of this folder: its facts (home, pin, licence) and its reader, under `SOURCES` of
`catalogue.py`. Revisions are commits. The sha256 is what pins a file's content; files without one are pinned by their
commit alone. Where a source publishes labelled problems once only (SVAMP, the dev sets of DROP and StrategyQA, ...),
they are its `test` split. Numbers are taken as their text in the file, so that no float comes between ("-9867630.0"
is -9867630).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from dataset_builder.answers import format_number
from dataset_builder.core.files import iterate_jsonl, open_text
from dataset_builder.schema.records import Problem, Split

Reader = Callable[[Path, str, Split], Iterator[Problem]]


@dataclass(frozen=True)
class SourceFile:
    """One file of a source."""

    local: str
    """Where it lies below SUBQ_DATA."""
    remote: str
    """Where it lies in the source's repository."""
    sha256: str | None = None
    """Of its content; None where only the commit pins it."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a card says of a source, and where its problems come from."""

    name: str
    licence: str
    """As the Hub spells it, or as its owner does."""
    home: str
    """Where a reader finds it."""
    citation: str
    repository: str = ""
    """On GitHub, as owner/name; empty where its files cannot be downloaded."""
    revision: str = ""
    """The commit of the repository."""
    files: Mapping[Split, SourceFile] = field(default_factory=dict)
    """One file a split."""
    hub_id: str | None = None
    """The set's own place on the Hub, if it has one."""
    reader: Reader | None = None
    """Turns a file into problems, in file order; None where nothing is read."""
    draw: Callable[[Split, int], list[Problem]] | None = None
    """Makes so many problems of a split, where they are drawn instead of read."""
    has_duplicates: bool = False
    """Whether it holds the same question more than once, each with an id of its own."""


def jsonl_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of JSON lines with their index, a blank line not counted; numbers with a point as their text."""
    return enumerate(row for _, row in iterate_jsonl(path, parse_float=str))


def json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The items of one JSON array with their index; numbers with a point as their text."""
    with open_text(path) as file:
        return enumerate(json.load(file, parse_float=str))


def number_problem(source: str, split: Split, index: int, text: str, number: str) -> Problem:
    """A problem whose gold answer is a number.

    Args:
        source: the source's name.
        split: the split it belongs to.
        index: its place in the file, of which the problem_id is made.
        text: the problem.
        number: the gold; beyond six decimals (a float's rounding noise) its roundings to 2..10 decimals are right too.
    """
    value = Fraction(str(number))
    places = len(str(number).partition(".")[2])
    rounded = (format_number(Fraction(round(value, digits))) for digits in range(2, 11)) if places > 6 else ()
    return Problem(
        problem_id=f"{source}-{split}-{index:05d}",
        problem=text,
        gold_answer=format_number(value),
        source=source,
        split=split,
        gold_aliases=tuple(dict.fromkeys(text for text in rounded if text != format_number(value))),
    )
