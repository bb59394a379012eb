"""What a source is, and how the rows of its files become problems.

A named source is one file of this folder: its facts (home, pin, licence) and how one row reads, as a `Source` that
`catalogue.py` lists. Revisions are commits. The sha256 is what pins a file's content; files without one are pinned by
their commit alone. Where a source publishes labelled problems once only (SVAMP, the dev sets of DROP and StrategyQA,
...), they are its `test` split. Numbers are taken as their text in the file, so that no float comes between
("-9867630.0" is -9867630).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from dataset_builder.answers import format_number
from dataset_builder.core.files import iterate_jsonl, open_text
from dataset_builder.schema.records import Problem, Split

Row = dict[str, Any]
MATH = "grade-school math word problems"
"""The domain of most sources."""


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
    """As users call it."""
    licence: str
    """As the Hub spells it, or as its owner does."""
    home: str
    """Where a reader finds it."""
    citation: str
    """The paper."""
    language: str = "en"
    """Of its problems, as a code."""
    domain: str = MATH
    """What they are about."""
    repository: str = ""
    """On GitHub, as owner/name; empty where its files cannot be downloaded."""
    revision: str = ""
    """The commit of the repository."""
    files: Mapping[Split, SourceFile] = field(default_factory=dict)
    """One file a split."""
    hub_id: str | None = None
    """The set's own repository on the Hub, if it has one."""
    parse_row: Callable[[Row], Row] | None = None
    """What a `Problem` holds of a row, beside its id, source and split; None where nothing is read."""
    draw: Callable[[Split, int], list[Problem]] | None = None
    """Makes so many problems of a split, where they are drawn instead of read."""
    has_duplicates: bool = False
    """Whether it holds the same question more than once, each with an id of its own."""

    def read(self, path: Path, split: Split) -> Iterator[Problem]:
        """The problems of a file of this source's form, in its order."""
        assert self.parse_row is not None, self.name
        for index, row in enumerate(_rows(path)):
            problem_id = f"{self.name}-{split}-{index:05d}"
            yield Problem(problem_id=problem_id, source=self.name, split=split, **self.parse_row(row))


def _rows(path: Path) -> Iterable[Row]:
    """The rows of JSON lines, or of one JSON array; numbers with a point as their text."""
    with open_text(path) as file:
        if file.read(1) == "[":
            file.seek(0)
            rows: list[Row] = json.load(file, parse_float=str)
            return rows
    return (row for _, row in iterate_jsonl(path, parse_float=str))


def test_file(local: str, remote: str, sha256: str) -> dict[Split, SourceFile]:
    """The files of a source that publishes its labelled problems once; arguments as of `SourceFile`."""
    return {"test": SourceFile(local, remote, sha256)}


def number_problem(text: str, number: str) -> Row:
    """What a problem holds whose gold answer is a number.

    Args:
        text: the problem.
        number: the gold; beyond six decimals (a float's rounding noise) its roundings to 2..10 decimals are right too.
    """
    value = Fraction(str(number))
    decimals = len(str(number).partition(".")[2])
    rounded = [format_number(Fraction(round(value, digits))) for digits in range(2, 11)] if decimals > 6 else []
    gold = format_number(value)
    aliases = tuple(dict.fromkeys(text for text in rounded if text != gold))
    return {"problem": text, "gold_answer": gold, "gold_aliases": aliases}
