"""Which batches a run has made, in tables of its journal: intent first, id later, rows until their result is in.

batches     intent (uuid, also in the batch's metadata), state creating | submitted, file id, batch id
batch_rows  intent, key, request as JSON; a row leaves in the same transaction that journals its result
batch_tries key, how often it was submitted without a result
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dataset_builder.llm.journal import Journal, read_request, request_json
from dataset_builder.llm.request import Request

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    intent TEXT PRIMARY KEY, base_url TEXT NOT NULL, state TEXT NOT NULL, file_id TEXT, batch_id TEXT);
CREATE TABLE IF NOT EXISTS batch_rows (key TEXT PRIMARY KEY, intent TEXT NOT NULL, request TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS batch_rows_by_intent ON batch_rows (intent);
CREATE TABLE IF NOT EXISTS batch_tries (key TEXT PRIMARY KEY, tries INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class BatchEntry:
    """One batch as the ledger knows it; without a `batch_id` nobody saw the provider's answer."""

    intent: str
    base_url: str
    batch_id: str | None


class BatchLedger:
    """The batches of one journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._execute = journal.database.execute
        journal.database.executescript(_SCHEMA)

    def open_intent(self, base_url: str, requests: Iterable[Request]) -> str:
        """Records, before anything is created, which rows a batch is to hold."""
        intent = uuid.uuid4().hex
        with self._journal.transaction():
            self._execute("INSERT INTO batches VALUES (?, ?, 'creating', NULL, NULL)", (intent, base_url))
            for request in requests:
                self._execute("INSERT INTO batch_rows VALUES (?, ?, ?)", (request.key, intent, request_json(request)))
                self._execute(
                    "INSERT INTO batch_tries VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET tries = tries + 1",
                    (request.key,),
                )
        return intent

    def submitted(self, intent: str, batch_id: str) -> None:
        self._execute("UPDATE batches SET state = 'submitted', batch_id = ? WHERE intent = ?", (batch_id, intent))

    def close(self, intent: str) -> None:
        """Forgets a batch; rows it still holds are open again."""
        with self._journal.transaction():
            self._execute("DELETE FROM batch_rows WHERE intent = ?", (intent,))
            self._execute("DELETE FROM batches WHERE intent = ?", (intent,))

    def entries(self) -> list[BatchEntry]:
        """Every batch that is not closed."""
        return [
            BatchEntry(*row) for row in self._execute("SELECT intent, base_url, batch_id FROM batches ORDER BY rowid")
        ]

    def requests(self, intent: str) -> Iterator[Request]:
        """The rows of a batch that have no result yet."""
        for (text,) in self._execute("SELECT request FROM batch_rows WHERE intent = ? ORDER BY rowid", (intent,)):
            yield read_request(text)

    def request(self, intent: str, key: str) -> Request | None:
        query = "SELECT request FROM batch_rows WHERE key = ? AND intent = ?"
        row = self._execute(query, (key, intent)).fetchone()
        return read_request(row[0]) if row else None

    def settle(self, key: str) -> None:
        """The row has its result; call inside the transaction that journals it."""
        self._execute("DELETE FROM batch_rows WHERE key = ?", (key,))
        self._execute("DELETE FROM batch_tries WHERE key = ?", (key,))

    def __contains__(self, key: str) -> bool:
        return self._execute("SELECT 1 FROM batch_rows WHERE key = ?", (key,)).fetchone() is not None

    def tries(self, key: str) -> int:
        row = self._execute("SELECT tries FROM batch_tries WHERE key = ?", (key,)).fetchone()
        return int(row[0]) if row else 0
