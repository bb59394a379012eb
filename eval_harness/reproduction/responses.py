"""One file of recorded solver responses: what it is, and the verdict on each of its rows under a rule.

Reads upstream's jsonl (plain or gzipped), one object a line in GSM8K's order:

    {"problem": "Janet's ...", "questions": "Q1: ...", "answers": "A1: ...\\n\\nFinal answer: 18", "answer": 18.0}

Under `paper_2402` a row is compared with its own `answer` field, as published; under every other rule with the true
gold of the problem. 16 of the 1,319 published golds are misread at a comma or sign, and the published extraction reads
pieces of numbers: so verdicts flip, and each flip says which of the two did it.

Source: DT6A/GSM8K-AI-SubQ at d21dba9, folder eval_responses.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from dataset_builder.answers import extract_final_answer, numbers_equal, parse_number
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import file_sha256, read_jsonl
from dataset_builder.schema.records import Problem
from dataset_builder.schema.verdicts import Verdict
from eval_harness.records.verdicts import ProblemScore
from eval_harness.scoring.score import Aggregate, aggregate
from eval_harness.systems.published import FileMetadata, read_metadata
from eval_harness.systems.recorded import answers_text, match_rows, questions_text

PAPER_RULE = "paper_2402"


@dataclass(frozen=True)
class RowVerdict:
    """The verdict on one row."""

    verdict: Verdict
    """correct, incorrect, no_answer or request_failed."""
    extracted: Fraction | None
    """The number that was read; None where none was."""
    gold: Fraction | float
    """What it was compared with."""


@dataclass(frozen=True)
class FileScore:
    """A file under one rule."""

    total: Aggregate
    """Accuracy, interval and counts."""
    verdicts: tuple[RowVerdict, ...]
    """By row."""


@dataclass(frozen=True)
class Flip:
    """A row whose verdict differs from the published one."""

    row: int
    """Its index in the file."""
    published: Verdict
    """The verdict as published."""
    verdict: Verdict
    """The verdict under the other rule."""
    why: str
    """gold corrected, extraction changed, or both."""
    published_extracted: str | None
    """The number that the published code read; None where it read none."""
    extracted: str | None
    """The number read now."""
    published_gold: str
    """What the published code compared with."""
    gold: str
    """The true gold answer."""


@dataclass(frozen=True)
class ResponseFile:
    """A file's rows beside the true golds."""

    path: Path
    """Where it is."""
    sha256: str
    """Of the file."""
    metadata: FileMetadata
    """What its name and folder say."""
    rows: list[dict[str, Any]]
    """Its lines, in the problems' order."""
    golds: list[Fraction] | None
    """The true golds by row; None where no gold file was given."""


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The response files among `paths` and below those that are folders, in a stable order.

    Raises:
        UserError: a path does not exist, or there is no jsonl file.
    """
    results: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UserError(f"no responses at {path}; give jsonl files or folders of them")
        results += sorted(item for item in path.rglob("*") if _is_jsonl(item)) if path.is_dir() else [path]
    if not results:
        raise UserError(f"no .jsonl or .jsonl.gz file below {', '.join(map(str, paths))}")
    return list(dict.fromkeys(results))


def _is_jsonl(path: Path) -> bool:
    return path.is_file() and path.name.removesuffix(".gz").endswith(".jsonl")


def load_gold(path: Path) -> list[Problem]:
    """The problems with their true golds.

    Raises:
        UserError: the file is missing or a problem has no readable gold answer.
    """
    from dataset_builder.sources import load_problems

    if not path.is_file():
        raise UserError(f"no gold file {path}; give GSM8K's test.jsonl (question and answer per line)")
    return load_problems(str(path), split="test")


def load_response_file(path: Path, problems: Sequence[Problem] | None) -> ResponseFile:
    """Reads a file and lays its rows beside the golds.

    Raises:
        UserError: a row lacks a key, the file is of other problems, or has more or fewer of them than the gold file.
    """
    rows = read_jsonl(path)
    for number, row in enumerate(rows, 1):
        if "answers" not in row:
            raise UserError(f"{path}, row {number}: no key 'answers'; found {', '.join(row)}")
    golds = None
    if problems is not None:
        if len(rows) != len(problems):
            raise UserError(
                f"{path} holds {len(rows)} responses, the gold file {len(problems)} problems; give equal sets"
            )
        rows = match_rows(rows, problems, str(path))
        golds = [_gold(problem) for problem in problems]
    return ResponseFile(path, file_sha256(path), read_metadata(path), rows, golds)


def _gold(problem: Problem) -> Fraction:
    value = parse_number(problem.gold_answer)
    if value is None:
        raise UserError(f"{problem.problem_id}: the gold answer {problem.gold_answer!r} is no number")
    return value


def score_file(file: ResponseFile, rule: str) -> FileScore:
    """The verdict on every row under `rule`.

    Raises:
        UserError: the rule needs true golds and there are none, or `paper_2402` meets a row without its `answer`.
    """
    golds: Sequence[Fraction | float] = published_golds(file) if rule == PAPER_RULE else file.golds or []
    if not golds:
        raise UserError(f"rule {rule} compares with the true golds; give --gold <GSM8K's test.jsonl>")
    verdicts = tuple(_verdict(row, gold, rule) for row, gold in zip(file.rows, golds, strict=True))
    scores = [
        ProblemScore(str(row), 0, item.verdict, None, "", float(item.verdict == "correct"))
        for row, item in enumerate(verdicts)
    ]
    return FileScore(aggregate(scores), verdicts)


def _verdict(row: dict[str, Any], gold: Fraction | float, rule: str) -> RowVerdict:
    text = answers_text(row)
    if text is None:
        return RowVerdict("request_failed", None, gold)
    extracted = extract_final_answer(text, rule)
    if extracted is None:
        return RowVerdict("no_answer", None, gold)
    return RowVerdict("correct" if numbers_equal(extracted, gold) else "incorrect", extracted, gold)


def published_golds(file: ResponseFile) -> list[float]:
    """The file's own `answer` fields; nan (equal to nothing) where the published code read none.

    Raises:
        UserError: a row has no number there.
    """
    golds = []
    for number, row in enumerate(file.rows, 1):
        value = row.get("answer")
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise UserError(f"{file.path}, row {number}: {PAPER_RULE} needs a number under 'answer', found {value!r}")
        golds.append(math.nan if value is None else float(value))
    return golds


def wrong_published_golds(file: ResponseFile) -> list[int]:
    """The rows (from 0) whose own `answer` is not the true gold."""
    pairs = zip(published_golds(file), file.golds or [], strict=False)
    return [index for index, (published, gold) in enumerate(pairs) if not numbers_equal(published, gold)]


def flips(published: FileScore, corrected: FileScore) -> list[Flip]:
    """The rows that are right under one of the two and not under the other, each with its reason."""
    results = []
    for row, (before, after) in enumerate(zip(published.verdicts, corrected.verdicts, strict=True)):
        if (before.verdict == "correct") != (after.verdict == "correct"):
            results.append(
                Flip(
                    row, before.verdict, after.verdict, _why(before, after), _text(before.extracted),
                    _text(after.extracted), _text(before.gold) or "", _text(after.gold) or "",
                )
            )  # fmt: skip
    return results


def _why(before: RowVerdict, after: RowVerdict) -> str:
    if numbers_equal(before.gold, after.gold):
        return "extraction changed"
    return "gold corrected" if before.extracted == after.extracted else "both"


def _text(value: Fraction | float | None) -> str | None:
    return None if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def questions_sha256(file: ResponseFile) -> str:
    """A hash of the sub-questions that were answered: files of one name should share it over all solvers."""
    digest = hashlib.sha256()
    for row in file.rows:
        digest.update((questions_text(row) or "").encode() + b"\0")
    return digest.hexdigest()
