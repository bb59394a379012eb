"""Reads raw sets problem by problem, from a generation's folder or from published raw files, in bounded memory.

A generation writes `sets.jsonl` as its sets get ready, so the sets of one problem need not stand together. An index of
byte offsets (some 100 bytes a set) puts them together again without holding a text. Published raw files hold one
problem a line and are passed through.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dataset_builder.build.published import PublishedFile
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import open_text, parse_json_object
from dataset_builder.schema.records import RawSet

SETS_FILE = "sets.jsonl"


class RawSource(Protocol):
    """Something that gives the sets of one problem at a time, the same ones at each pass."""

    def groups(self) -> Iterator[list[RawSet]]: ...


class GenerationSets:
    """The sets of a generation's folder, grouped by problem in the order of the problems' first sets.

    Raises:
        UserError: there is no `sets.jsonl`, or it holds a malformed line and `skip_bad_lines` is not given.
    """

    def __init__(self, folder: Path, *, skip_bad_lines: bool = False) -> None:
        self.path = folder / SETS_FILE
        self.skip_bad_lines = skip_bad_lines
        if not self.path.is_file():
            raise UserError(
                f"no {SETS_FILE} in {folder}; give --generation the --output folder of a finished "
                "`python -m dataset_builder.generate`"
            )
        self._offsets = self._index()

    def groups(self) -> Iterator[list[RawSet]]:
        with self.path.open("rb") as file:
            for offsets in self._offsets.values():
                group = []
                for offset in offsets:
                    file.seek(offset)
                    group.append(_raw_set(file.readline()))
                yield sorted(group, key=lambda raw: raw.set_index)

    def _index(self) -> dict[str, list[int]]:
        offsets: dict[str, list[int]] = {}
        position = 0
        with open_text(self.path):
            pass  # another encoding is named
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    problem_id = self._problem_id(number, line)
                    if problem_id is not None:
                        offsets.setdefault(problem_id, []).append(position)
                position += len(line)
        return offsets

    def _problem_id(self, number: int, line: bytes) -> str | None:
        try:
            return _raw_set(line).problem.problem_id
        except (ValueError, KeyError, TypeError) as error:
            if not self.skip_bad_lines:
                raise UserError(
                    f"{self.path}, line {number}: not a raw set ({type(error).__name__}: {error}); finish the "
                    "generation, or leave such lines out with --skip_bad_lines"
                ) from error
            print(f"left out {self.path.name} line {number}: not a raw set", file=sys.stderr)
            return None


def _raw_set(line: bytes) -> RawSet:
    return RawSet.from_dict(parse_json_object(line.decode("utf-8-sig")))


@dataclass
class PublishedSets:
    """The sets of published raw files (the raw form or the training form), in file order."""

    files: Sequence[PublishedFile]
    """Read one after the other."""

    def groups(self) -> Iterator[list[RawSet]]:
        for file in self.files:
            for _, group in itertools.groupby(file, key=lambda raw: raw.problem.problem_id):
                yield list(group)
