"""Recorded sub-questions and responses (jsonl, plain or gzipped) as a decomposer and as a solver.

Two forms of a line, upstream's and ours:

    {"problem": "Janet's ducks ...", "questions": "Q1: How many ...\\nQ2: ...", "answers": "A1: ...", "answer": 18.0}
    {"problem_id": "gsm8k-test-00000", "sub_questions": ["How many ...?"], "answers_text": "A1: ..."}

Rows are matched by problem_id, else by position where every row reads like the problem there (upstream's files hold
four problems in another encoding than GSM8K's), else by normalised text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import file_sha256, read_jsonl
from dataset_builder.dataset_folder.layout import default_sha256
from dataset_builder.prompts import Prompt
from dataset_builder.schema.records import Problem, normalise_text
from dataset_builder.solving.completions import cut_reply
from dataset_builder.solving.records import CompletionRequest, Decomposition, Reply
from dataset_builder.solving.texts import given_decomposition, read_decomposition

SAME_TEXT = 0.9


@dataclass
class RecordedDecomposer:
    """Sub-questions on disk, read from a jsonl file or from a built dataset's default config."""

    path: Path
    """A jsonl file, or a dataset folder."""
    prompts: dict[str, Prompt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.metadata = _file_metadata(self.path)

    def decompose(self, problems: Sequence[Problem], seed: int) -> list[Decomposition]:
        rows = self._dataset_rows(problems, seed) if self.path.is_dir() else read_jsonl(self.path)
        return [self._read(row) for row in match_rows(rows, problems, str(self.path))]

    def _dataset_rows(self, problems: Sequence[Problem], seed: int) -> list[dict[str, Any]]:
        from dataset_builder.dataset_folder.load import load_subq

        split = problems[0].split if problems else "test"
        rows = load_subq("default", split, str(self.path))
        return [dict(row) for row in rows if row["set_index"] == seed]

    def _read(self, row: dict[str, Any]) -> Decomposition:
        if isinstance(row.get("sub_questions"), list):
            return given_decomposition([str(question) for question in row["sub_questions"]])
        return read_decomposition(questions_text(row))


@dataclass
class RecordedSolver:
    """Responses on disk; the problems they answer are given before the first request."""

    path: Path
    """A jsonl file."""
    problems: Sequence[Problem]
    """Those whose replies the file holds."""

    def __post_init__(self) -> None:
        self.metadata = _file_metadata(self.path)
        rows = match_rows(read_jsonl(self.path), self.problems, str(self.path))
        self._texts = {item.problem_id: answers_text(row) for item, row in zip(self.problems, rows, strict=True)}

    def complete(self, requests: Sequence[CompletionRequest]) -> list[Reply]:
        return [cut_reply(self._texts[item.problem_id], item.stop) for item in requests]


def _file_metadata(path: Path) -> dict[str, Any]:
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    sha256 = file_sha256(path) if path.is_file() else default_sha256(path)
    return {"kind": "recorded", "label": stem, "file": path.name, "sha256": sha256}


def match_rows(rows: Sequence[dict[str, Any]], problems: Sequence[Problem], where: str) -> list[dict[str, Any]]:
    """The row of each problem, in the problems' order.

    Raises:
        UserError: a problem stands in two rows, or has none.
    """
    if all("problem_id" in row for row in rows):
        by_id = _unique([(str(row["problem_id"]), row) for row in rows], where)
        matched = [by_id.get(problem.problem_id) for problem in problems]
    else:
        matched = _match_by_text(rows, problems, where)
    for problem, row in zip(problems, matched, strict=True):
        if row is None:
            raise UserError(
                f"{where} holds {len(rows)} rows and none for {problem.problem_id} "
                f"({problem.problem[:40]!r}); record the same {len(problems)} problems, or name another split or limit"
            )
    return [row for row in matched if row is not None]


def _match_by_text(
    rows: Sequence[dict[str, Any]], problems: Sequence[Problem], where: str
) -> list[dict[str, Any] | None]:
    texts = [_problem_text(row, where, number) for number, row in enumerate(rows, 1)]
    if len(texts) == len(problems) and _same_order(texts, problems):
        return list(rows)
    by_text = _unique([(normalise_text(text), row) for text, row in zip(texts, rows, strict=True)], where)
    return [by_text.get(normalise_text(problem.problem)) for problem in problems]


def _same_order(texts: Sequence[str], problems: Sequence[Problem]) -> bool:
    """Whether row i is of problem i throughout, some of them perhaps in another encoding of the same text."""
    for text, problem in zip(texts, problems, strict=True):
        if text != problem.problem and SequenceMatcher(None, text, problem.problem).ratio() < SAME_TEXT:
            return False
    return len(set(texts)) == len(texts)


def _problem_text(row: dict[str, Any], where: str, number: int) -> str:
    text = row.get("problem", row.get("question"))
    if isinstance(text, dict):
        text = text.get("problem")
    if not isinstance(text, str):
        raise UserError(f"{where}, row {number}: expected the keys problem or problem_id, found {', '.join(row)}")
    return text


def _unique(pairs: Sequence[tuple[str, dict[str, Any]]], where: str) -> dict[str, dict[str, Any]]:
    for key, times in Counter(key for key, _ in pairs).items():
        if times > 1:
            raise UserError(f"{where} holds the problem {key[:60]!r} {times} times; keep one row per problem")
    return dict(pairs)


def questions_text(row: dict[str, Any]) -> str | None:
    """The decomposer's text of a row ("Q1: ..." lines); upstream's raw form holds a list with one text per set."""
    return _text(row.get("questions", row.get("questions_text")))


def answers_text(row: dict[str, Any]) -> str | None:
    """The solver's text of a row, in upstream's form, ours, or that of `predictions/<pair>.jsonl`."""
    reply = row.get("reply")
    return _text(reply.get("text") if isinstance(reply, dict) else row.get("answers", row.get("answers_text")))


def _text(value: object) -> str | None:
    """The text, or the first of a list of texts."""
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value is None else str(value)
