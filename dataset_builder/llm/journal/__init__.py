"""Every answered request, on disk before anything uses it: one SQLite file per run.

Reads and writes `journal.sqlite` (one commit per reply; write-ahead log, but not over a network: `modes`) and
`journal.sqlite.lock`. Two tables: `replies` holds what is counted (key, task, model, error kind, tokens, cost),
`texts` the request as JSON and the reply's text, so that opening and counting never touch the long part.
`python -m dataset_builder.llm.journal DIR` prints the counts, `--export FILE` writes one JSON object per reply (see
`request.py` for a sample).

A killed process loses at most what was in flight: SQLite drops the torn tail of its log by checksum. With
`synchronous=NORMAL` a commit survives the process, and `sync()` (called every second during a run) bounds what a power
cut can take. An error is a record too, but not an answer: a later success supersedes it.

Differences from a JSON-lines log: 1. memory does not grow with the run; 2. a second writer is refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_jsonl
from dataset_builder.core.locks import lock_file, unlock_file
from dataset_builder.llm.journal.modes import Mode, mode_for
from dataset_builder.llm.request import Request, Response

FILE_NAME = "journal.sqlite"
LASTING = frozenset({"bad_request", "moderation", "content_filter", "length", "empty"})

_DISK_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL, task TEXT NOT NULL, model TEXT NOT NULL, error_kind TEXT,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost_usd REAL, latency_s REAL NOT NULL);
CREATE INDEX IF NOT EXISTS replies_by_key ON replies (key, error_kind);
CREATE TABLE IF NOT EXISTS texts (
    seq INTEGER PRIMARY KEY, request TEXT NOT NULL, text TEXT, finish_reason TEXT, error TEXT, reasoning TEXT,
    reasoning_tokens INTEGER);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_COLUMNS = (
    "texts.request, texts.text, texts.finish_reason, prompt_tokens, completion_tokens, cost_usd, latency_s, "
    "error_kind, texts.error"
)
_NEWER = {"reasoning": "TEXT", "reasoning_tokens": "INTEGER"}  # columns of texts that older journals lack
_FROM = "FROM replies JOIN texts USING (seq)"


@dataclass(frozen=True)
class Totals:
    """What the journal holds of one task, model and outcome ("answered" or an error kind)."""

    task: str
    model: str
    outcome: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    unpriced: int
    latency_s: float


def cost_of(totals: Iterable[Totals]) -> float | None:
    """What these replies cost together; None where the price of some is not known."""
    rows = list(totals)
    return None if any(row.unpriced for row in rows) else sum(row.cost_usd for row in rows)


class Journal:
    """The journal of one run; a context manager. `len(journal)` counts answered requests.

    Args:
        path: the file, or the run's folder.
        read_only: look without becoming the writer; works while a writer runs.

    Raises:
        UserError: another process writes this journal, or the file is no journal.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path / FILE_NAME if path.is_dir() else path
        self._lock: int | None = None
        if read_only and not self.path.is_file():
            raise UserError(f"no journal at {self.path}; give the output folder of a generation")
        mode = None if read_only else mode_for(self.path)
        if not read_only:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = lock_file(self.path, "wait for it or give another --output")
        try:
            self.database = _connect(self.path, mode)
        except sqlite3.DatabaseError as error:
            self._unlock()
            raise UserError(_unopened(self.path, error)) from error
        self._columns = _columns(self.database)
        self._wal = os.path.abspath(f"{self.path}-wal")

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.database.close()
        self._unlock()

    def add(self, response: Response) -> None:
        """Commits one response or failure; when this returns, a killed process keeps it."""
        request = response.request
        row = (request.key, request.task, request.model, response.error_kind, response.prompt_tokens,
               response.completion_tokens, response.cost_usd, response.latency_s)  # fmt: skip
        with self.transaction():
            cursor = self.database.execute("INSERT INTO replies VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            texts = (cursor.lastrowid, request_json(request), response.text, response.finish_reason, response.error,
                     response.reasoning, response.reasoning_tokens)  # fmt: skip
            self.database.execute("INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?, ?)", texts)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is written inside; an inner one joins the outer.

        Raises:
            UserError: the disk is full or the file cannot be written.
        """
        if self.database.in_transaction:
            yield
            return
        try:
            self.database.execute("BEGIN IMMEDIATE")
            yield
            self.database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._rollback()
            raise UserError(f"cannot write {self.path}: {error}; what was committed before is kept") from error
        except BaseException:
            self._rollback()
            raise

    def _rollback(self) -> None:
        if self.database.in_transaction:
            self.database.execute("ROLLBACK")

    def get(self, key: str) -> Response | None:
        """The answer to a request; without one its last failure; None when it was never asked."""
        row = self.database.execute(
            f"SELECT {self._columns} {_FROM} WHERE key = ? ORDER BY error_kind IS NULL DESC, seq DESC LIMIT 1", (key,)
        ).fetchone()
        return _response(row) if row else None

    def settled(self, key: str, retry_failed: bool = False) -> Response | None:
        """What makes asking again pointless: the answer or, unless `retry_failed`, a failure that would repeat."""
        response = self.get(key)
        if response is None or response.ok or (response.error_kind in LASTING and not retry_failed):
            return response
        return None

    def __contains__(self, key: str) -> bool:
        query = "SELECT 1 FROM replies WHERE key = ? AND error_kind IS NULL LIMIT 1"
        return self.database.execute(query, (key,)).fetchone() is not None

    def __len__(self) -> int:
        query = "SELECT count(DISTINCT key) FROM replies WHERE error_kind IS NULL"
        return int(self.database.execute(query).fetchone()[0])

    def responses(self) -> Iterator[Response]:
        """Every record, failures and superseded ones included, in the order of their arrival."""
        for row in self.database.execute(f"SELECT {self._columns} {_FROM} ORDER BY seq"):
            yield _response(row)

    def totals(self) -> list[Totals]:
        """Requests, tokens and cost by task, model and outcome."""
        query = (
            "SELECT task, model, coalesce(error_kind, 'answered'), count(*), sum(prompt_tokens), "
            "sum(completion_tokens), total(cost_usd), sum(cost_usd IS NULL), sum(latency_s) "
            "FROM replies GROUP BY 1, 2, 3 ORDER BY min(seq)"
        )
        return [Totals(*row) for row in self.database.execute(query)]

    def reasoning_tokens(self) -> int:
        """Those of all replies together, as far as endpoints told them."""
        return int(self.database.execute("SELECT total(reasoning_tokens) FROM texts").fetchone()[0])

    def note(self, name: str) -> str | None:
        """A small fact of the run kept beside the replies."""
        row = self.database.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_note(self, name: str, value: str) -> None:
        with self.transaction():
            self.database.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))

    def sync(self) -> None:
        """Forces the log to the disk itself; safe to call from another thread."""
        if os.path.exists(self._wal):
            descriptor = os.open(self._wal, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _unlock(self) -> None:
        if self._lock is not None:
            unlock_file(self._lock)
            self._lock = None


def _unopened(path: Path, error: sqlite3.DatabaseError) -> str:
    if error.sqlite_errorcode & 0xFF in _DISK_CODES:
        return f"cannot open {path}: {error}; is the disk full or read-only? make room and run the same command again"
    return f"{path} is not a journal ({error}); move it away or give another --output"


def _connect(path: Path, mode: Mode | None) -> sqlite3.Connection:
    """The database; without a mode to write in, to read alone."""
    read_only = mode is None
    if read_only and not os.access(path.parent, os.W_OK):
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    else:
        database = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        database.execute("PRAGMA cache_size = -4096")
        if read_only:
            database.execute("PRAGMA query_only = 1")
            database.execute("SELECT 1 FROM replies LIMIT 1")
        else:
            database.execute(f"PRAGMA journal_mode = {mode}")
            database.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'WAL' else 'FULL'}")
            database.executescript(_SCHEMA)
            present = _text_columns(database)
            for name in [name for name in _NEWER if name not in present]:
                database.execute(f"ALTER TABLE texts ADD COLUMN {name} {_NEWER[name]}")
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def _text_columns(database: sqlite3.Connection) -> set[str]:
    return {row[1] for row in database.execute("PRAGMA table_info(texts)")}


def _columns(database: sqlite3.Connection) -> str:
    """What a reply is read from; a journal that an older version wrote and nobody reopened lacks some of it."""
    present = _text_columns(database)
    return ", ".join([_COLUMNS, *(f"texts.{name}" if name in present else f"NULL AS {name}" for name in _NEWER)])


def cost_in(paths: Iterable[Path]) -> float | None:
    """What the replies of these journals cost together; None where a price is not known or one cannot be read."""
    totals: list[Totals] = []
    for path in paths:
        try:
            with Journal(path, read_only=True) as journal:
                totals += journal.totals()
        except UserError:
            return None
    return cost_of(totals)


def request_json(request: Request) -> str:
    """A request as it is stored."""
    return json.dumps(request.to_dict(), ensure_ascii=False)


def read_request(text: str) -> Request:
    """The inverse of `request_json`."""
    fields = json.loads(text)
    fields["messages"] = tuple(fields["messages"])
    return Request(**fields)


def _response(row: tuple[Any, ...]) -> Response:
    request, *rest, reasoning_tokens = row
    fields: tuple[Any, ...] = (*rest, reasoning_tokens or 0)
    return Response(read_request(request), *fields)


def export(journal: Journal, path: Path) -> int:
    """Writes every record as one JSON object per line; returns how many."""
    return write_jsonl(path, ({"key": response.request.key, **asdict(response)} for response in journal.responses()))
