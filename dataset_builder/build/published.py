"""Reads the published files of GSM8K-AI-SubQ into the same raw sets that a generation writes.

Reads, plain or gzipped, streaming one problem at a time:

    raw form       one object a line: {"problem": ..., "questions": [k texts], "answers": [k texts],
                   "feedback": [k lists of texts] (train only), "answer": "#### 18" or a GSM8K solution}
    training form  one JSON array of
                   {"question": ..., "answers": [sub-questions], "rewards": {...}, "true_answer": 18.0}

Gives `RawSet` records, the sets of one problem together. The problem_id is `gsm8k-<split>-<index>` with the row's
place among GSM8K's problems: found by text, else by the row's own place.

The golds of the files are not trusted (16 of the 1,319 test golds are misread at commas and signs, as are 82 of
train's): they come from GSM8K itself: from `gold`, from gsm8k/<split>.jsonl beside the file's folder (the layout of
SUBQ_DATA), or from the `gsm8k` source. Only where all are out of reach does the raw form's own solution text serve,
whose "#### 2,125" is whole; the training form has no such text and is refused then.

Limits: the training form has neither sub-answers nor votes, so its sets have no answers_text and no feedback; its
rewards belong to misread golds and are left behind. Sets of one problem must stand together there.

Source: DT6A/GSM8K-AI-SubQ at d21dba9, dataset/. Differences: 1. golds recomputed. 2. A set is kept as text.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from dataset_builder.build.corrected_golds import BadRow, Golds, load_golds
from dataset_builder.core.encodings import BYTE_ORDER_MARK, whole_characters
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import open_text, parse_json_object
from dataset_builder.schema.records import SPLITS, Failure, Provenance, RawSet, Split, normalise_text
from dataset_builder.sources.published import published_file
from dataset_builder.text.parsing import format_sub_questions

logger = logging.getLogger(__name__)

RAW_FILES: dict[Split, str] = {"train": "qg_train_data_raw.jsonl", "test": "qg_test_data_raw.jsonl"}
TEACHER = "gpt-3.5-turbo"
TEMPERATURE = 0.7
_PROVENANCE = Provenance(source="DT6A/GSM8K-AI-SubQ@d21dba9", teacher=TEACHER, solver=TEACHER, temperature=TEMPERATURE)
_UNANSWERED = Failure("answer", "not_published", "the training form has no answers")
_CHUNK = 1 << 16
_NAMED_LINES = 20


@dataclass
class PublishedFile:
    """A published file, whose raw sets it gives in the file's order each time it is iterated over.

    What there is to warn of is said the first time alone.

    Raises:
        UserError: the file is missing, a folder, empty, of neither form, or holds a malformed line.
    """

    path: Path
    """Raw or training form, plain or gzipped."""
    _: KW_ONLY
    split: Split | None = None
    """Where its problems belong; None: "test" or "train" as the file's name says, else train when the first row has
    several sets or feedback."""
    gold: Path | None = None
    """GSM8K's own file of that split; None: the `gsm8k` source."""
    references: bool = False
    """Add the human sub-questions of GSM8K Socratic, where they are within reach."""
    skip_bad_lines: bool = False
    """Leave malformed lines out and log their number instead of failing at the first."""
    _golds: Golds | None = field(default=None, init=False)
    _reported: bool = field(default=False, init=False)

    def __iter__(self) -> Iterator[RawSet]:
        _check_file(self.path)
        bad: list[int] = []
        with open_text(self.path) as file:
            start = _first_text(file, self.path)
            file.seek(0)
            if start == "[":
                yield from self._read_training_form(file, bad)
            elif start == "{":
                yield from self._read_raw_form(file, bad)
            else:
                raise UserError(
                    f"{self.path} is not JSON: expected one object a line, or one array, found {start!r} first"
                )
        if bad and not self._reported:
            named = ", ".join(map(str, bad[:_NAMED_LINES])) + (", ..." if len(bad) > _NAMED_LINES else "")
            logger.warning("%s: %d malformed lines were skipped (%s)", self.path, len(bad), named)
        self._reported = True

    def _read_raw_form(self, file: TextIO, bad: list[int]) -> Iterator[RawSet]:
        numbered = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
        for index, (number, line) in enumerate(numbered):
            try:
                row = _row(line)
                raw_sets = _raw_sets(row, self._load_golds(row, needed=False), index)
            except BadRow as error:
                self._reject(number, error, bad)
            else:
                yield from raw_sets

    def _read_training_form(self, file: TextIO, bad: list[int]) -> Iterator[RawSet]:
        previous, problems, set_index = "", 0, 0
        for number, row in enumerate(_array_items(file, self.path), start=1):
            try:
                if not isinstance(row, dict):
                    raise BadRow(f"expected an object, found {row!r:.40}")
                text, questions = _text(row, "question"), _texts(row, "answers")
                repeated = normalise_text(text) == previous
                golds = self._load_golds(row, needed=True)
                problem = golds.problem(problems - 1 if repeated else problems, text, None)
            except BadRow as error:
                self._reject(number, error, bad)
                continue
            set_index = set_index + 1 if repeated else 0
            problems += not repeated
            previous = normalise_text(text)
            yield RawSet(problem, set_index, format_sub_questions(questions), None, (), (_UNANSWERED,), _PROVENANCE)

    def _load_golds(self, row: dict[str, Any], *, needed: bool) -> Golds:
        if self._golds is None:
            split = self.split or guess_split(self.path, row)
            self._golds = load_golds(split, self.gold, self.path, references=self.references, needed=needed)
        return self._golds

    def _reject(self, number: int, reason: BadRow, bad: list[int]) -> None:
        if not self.skip_bad_lines:
            raise UserError(
                f"{self.path}, line {number}: {reason}; mend the line, or leave such lines out with --skip_bad_lines"
            )
        bad.append(number)


def published_raw_files(*, only_test: bool = False) -> dict[Split, Path]:
    """The paper's raw files by split, or the test file alone, from SUBQ_DATA or their public home.

    A folder named by SUBQ_DATA may hold the test file alone: then a train file that is out of reach is left out, with
    a warning.

    Raises:
        UserError: a file is out of reach.
    """
    files: dict[Split, Path] = {}
    for split, name in RAW_FILES.items():
        if only_test and split != "test":
            continue
        try:
            files[split] = published_file(name)
        except UserError as error:
            if split == "test" or not os.environ.get("SUBQ_DATA"):
                raise
            logger.warning("without the %s split: %s", split, error)
    return files


def guess_split(path: Path, row: dict[str, Any]) -> Split:
    """The split a file's name states as a word of its own, else what its first row looks like.

    >>> guess_split(Path("qg_test_data_raw.jsonl"), {}), guess_split(Path("sets.jsonl"), {"feedback": [["Q1: Yes"]]})
    ('test', 'train')
    """
    words = set(re.split(r"[^a-z0-9]+", path.name.lower()))
    named = [name for name in SPLITS if name in words]
    if len(named) == 1:
        return named[0]
    questions = row.get("questions")
    several = isinstance(questions, list) and len(questions) > 1
    return "train" if several or row.get("feedback") else "test"


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the path of one published file, such as qg_test_data_raw.jsonl")
    if not path.is_file():
        raise UserError(f"no file {path}; give the path of a published qg_*_data_raw.jsonl or qg_*_dataset.jsonl")


def _first_text(file: TextIO, path: Path) -> str:
    while chunk := file.read(256):
        if chunk.strip():
            return chunk.lstrip(f"{BYTE_ORDER_MARK} \t\r\n")[:1]
    raise UserError(f"{path} is empty; expected one JSON object a line")


def _row(line: str) -> dict[str, Any]:
    try:
        return parse_json_object(line.removeprefix(BYTE_ORDER_MARK))
    except ValueError as error:
        raise BadRow(str(error)) from error


def _raw_sets(row: dict[str, Any], golds: Golds, index: int) -> list[RawSet]:
    text, answer = _text(row, "problem"), _text(row, "answer")
    questions, answers = _texts(row, "questions"), _texts(row, "answers")
    feedback = row.get("feedback") or [[] for _ in questions]
    if len(answers) != len(questions) or not isinstance(feedback, list) or len(feedback) != len(questions):
        raise BadRow(f"{len(questions)} question sets, {len(answers)} answers, {len(feedback)} lists of feedback")
    if not all(isinstance(votes, list) and all(isinstance(vote, str) for vote in votes) for votes in feedback):
        raise BadRow("feedback must be a list of lists of texts")
    problem = golds.problem(index, text, answer)
    sets = zip(questions, answers, feedback, strict=True)
    return [
        RawSet(problem, set_index, asked, answered, tuple(votes), (), _PROVENANCE)
        for set_index, (asked, answered, votes) in enumerate(sets)
    ]


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadRow(f"{key} must be a text, found {value!r:.40}")
    return value


def _texts(row: dict[str, Any], key: str) -> list[str]:
    values = row.get(key)
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise BadRow(f"{key} must be a list of texts, found {values!r:.40}")
    return values


def _array_items(file: TextIO, path: Path) -> Iterator[Any]:
    """The items of one JSON array, decoded one at a time."""
    decoder = json.JSONDecoder()
    buffer, ended = file.read(_CHUNK).lstrip(f"{BYTE_ORDER_MARK} \t\r\n")[1:], False
    while True:
        buffer = buffer.lstrip(" \t\r\n,")
        if buffer.startswith("]"):
            return
        try:
            item, end = decoder.raw_decode(buffer)
        except ValueError as error:
            chunk = file.read(max(_CHUNK, len(buffer)))
            if ended or not chunk:
                raise UserError(f"{path} is no whole JSON array ({error}); the file seems to be cut off") from error
            buffer += chunk
            continue
        yield whole_characters(item)
        buffer = buffer[end:]
