"""The Batch API backend: the same requests at half the price, answered within a day.

Writes the rows of a batch to `batches/<intent>.jsonl`, uploads the file, creates the batch and polls it. The intent
and its rows are in the journal before anything is created and the batch's id right after, so a killed run finds its
batches again: an intent without an id is looked for among the provider's batches by its metadata before its rows are
submitted anew. What an expired, cancelled or failed batch has finished is kept, the rest goes into the next one. One
batch holds one model (OpenAI asks for that), at most 50,000 rows and 200 MB. One row:

    {"custom_id": "9f2c...", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o-mini", ...}}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import LASTING
from dataset_builder.llm.openai_batch.ledger import BatchEntry, BatchLedger
from dataset_builder.llm.openai_chat import ChatClient, read_completion, wire_body
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import Fault, backoff_s, fault_of_status
from dataset_builder.llm.service import RunStopped, TextService

MOST_BYTES = 190 * 2**20
MOST_FAILED_BATCHES = 3
FINAL = ("completed", "expired", "cancelled", "failed")
INTENT = "intent"
ValueT = TypeVar("ValueT")
OpenRequests = Callable[[Callable[[str], Response | None]], Iterator[Request]]


class BatchService(TextService):
    """A `TextService` that asks in waves: all that can be asked now goes into batches, until nothing is open."""

    batch = True
    _client: ChatClient  # whose files and batches this uses

    def prepare(self, folder: Path) -> None:
        """Names the folder for the batches' files."""
        self._folder = folder
        self._ledger = BatchLedger(self.journal)
        self._most_rows = self.settings.batch_rows
        self._failed_again: set[str] = set()
        self._failed_batches = 0

    def run_waves(self, open_requests: OpenRequests) -> None:
        """Runs until `open_requests(lookup)` yields nothing; see `stopped_by` for why it ended early."""
        asyncio.run(self._session(self._waves(open_requests)))

    async def _waves(self, open_requests: OpenRequests) -> None:
        try:
            await self._adopt_orphans()
            for entry in self._ledger.entries():
                self.budget.hold(sum(self._worst(request) for request in self._ledger.requests(entry.intent)))
            while True:
                submitted = await self._submit(self._pending(open_requests))
                entries = self._ledger.entries()
                if not entries:
                    if not submitted:
                        return
                    continue
                for entry in entries:
                    await self._collect(entry)
        except RunStopped:
            return

    def _pending(self, open_requests: OpenRequests) -> Iterator[Request]:
        for request in open_requests(self._lookup):
            if request.key not in self._ledger:
                yield request

    def _lookup(self, key: str) -> Response | None:
        retry = self.settings.retry_failed and key not in self._failed_again
        return self.journal.settled(key, retry)

    def _worst(self, request: Request) -> float:
        return self.prices.worst_case(request) or 0.0

    async def _adopt_orphans(self) -> None:
        """An intent without an id: a run died between asking for the batch and writing its id."""
        for entry in self._ledger.entries():
            if entry.batch_id is None:
                batch_id = await self._find(entry)
                if batch_id is None:
                    self._ledger.close(entry.intent)
                else:
                    self._ledger.submitted(entry.intent, batch_id)

    async def _find(self, entry: BatchEntry) -> str | None:
        async def look() -> str | None:
            async for batch in self._client.client(entry.base_url).batches.list(limit=100):
                if (batch.metadata or {}).get(INTENT) == entry.intent:
                    return str(batch.id)
            return None

        return await self._calling(look)

    async def _submit(self, requests: Iterable[Request]) -> bool:
        """Puts the open requests into batches; False when there were none. What the cap forbids now waits."""
        some = False
        for rows in self._chunks(requests):
            some = True
            await self._create(rows)
        return some

    def _chunks(self, requests: Iterable[Request]) -> Iterator[list[Request]]:
        """Rows of one model, within the provider's limits and the budget."""
        chunks: dict[str, tuple[list[Request], int, float]] = {}
        for request in requests:
            rows, size, cost = chunks.get(request.model, ([], 0, 0.0))
            row_size, row_cost = len(_row(request).encode()) + 1, self._worst(request)
            held = sum(cost for _, _, cost in chunks.values())
            if not self.budget.fits(held + row_cost):
                if not held and not self._ledger.entries():
                    self.stop(self._cap_reached(row_cost))
                    raise RunStopped
                break
            if rows and (len(rows) >= self._most_rows or size + row_size > MOST_BYTES):
                del chunks[request.model]
                yield rows
                rows, size, cost = [], 0, 0.0
            rows.append(request)
            chunks[request.model] = (rows, size + row_size, cost + row_cost)
        yield from (rows for rows, _, _ in chunks.values())

    async def _create(self, rows: list[Request]) -> None:
        base_url = self.base_urls[0]
        intent = self._ledger.open_intent(base_url, rows)
        self.budget.hold(sum(map(self._worst, rows)))
        path = self._folder / f"{intent}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as lines:
            lines.writelines(f"{_row(request)}\n" for request in rows)
        client = self._client.client(base_url)
        uploaded = await self._calling(lambda: client.files.create(file=path, purpose="batch"))
        entry = BatchEntry(intent, base_url, None)

        async def create() -> str:
            found = await self._find(entry) if entry_asked else None  # an unread answer may have made it
            entry_asked.append(True)
            if found is not None:
                return found
            batch = await client.batches.create(
                input_file_id=uploaded.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={INTENT: intent},
            )
            return str(batch.id)

        entry_asked: list[bool] = []
        batch_id = await self._calling(create)
        self._ledger.submitted(intent, batch_id)
        self._display.say(f"batch {batch_id}: {len(rows):,} requests to {rows[0].model}")

    async def _collect(self, entry: BatchEntry) -> None:
        """Waits for a batch to end and takes what it finished."""
        client = self._client.client(entry.base_url)
        while True:
            self._check()
            batch = await self._calling(lambda: client.batches.retrieve(entry.batch_id))
            if batch.status in FINAL:
                break
            await self._pause(self.settings.batch_poll_s)
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
            await self._ingest(entry, file_id)
        for request in self._ledger.requests(entry.intent):
            self.budget.settle(self._worst(request), 0.0)
        self._ledger.close(entry.intent)
        (self._folder / f"{entry.intent}.jsonl").unlink(missing_ok=True)
        self._count_failed(batch)

    def _count_failed(self, batch: Any) -> None:
        """A batch refused as a whole is tried again in halves, but not for ever."""
        if batch.status != "failed":
            self._failed_batches = 0
            return
        self._failed_batches += 1
        self._most_rows = max(1, self._most_rows // 2)
        errors = "; ".join(error.message or "" for error in (batch.errors.data if batch.errors else None) or [])
        self._display.say(f"batch {batch.id} failed ({errors}); its rows are submitted again")
        if self._failed_batches >= MOST_FAILED_BATCHES:
            self.stop(UserError(f"{MOST_FAILED_BATCHES} batches in a row were refused ({errors}); nothing is lost"))
            raise RunStopped

    async def _ingest(self, entry: BatchEntry, file_id: str) -> None:
        path = self._folder / f"{entry.intent}.{file_id}.part"

        async def download() -> None:
            files = self._client.client(entry.base_url).files
            async with files.with_streaming_response.content(file_id) as response:
                await response.stream_to_file(path)

        await self._calling(download)
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    self._take(entry, json.loads(line))
        path.unlink()

    def _take(self, entry: BatchEntry, row: dict[str, Any]) -> None:
        """Journals one finished row; a row without a result stays open, unless it was tried often enough."""
        request = self._ledger.request(entry.intent, row["custom_id"])
        if request is None:
            return  # taken before this run was killed
        outcome = _read_row(request, row)
        if isinstance(outcome, Fault):
            if outcome.action == "retry" and self._ledger.tries(request.key) < self.settings.max_attempts:
                self.tally.retries[outcome.kind] += 1
                return
            with self.journal.transaction():
                self._ledger.settle(request.key)
                self._record_failure(request, outcome)
            self.budget.settle(self._worst(request), 0.0)
            self._failed_again.add(request.key)
            return
        with self.journal.transaction():
            self._ledger.settle(request.key)
            self._record(outcome, self._worst(request))
        if outcome.error_kind in LASTING:
            self._failed_again.add(request.key)

    async def _calling(self, call: Callable[[], Awaitable[ValueT]]) -> ValueT:
        """One call of the files or batches API, tried again while that can help."""
        attempts = 0
        while True:
            self._check()
            try:
                async with asyncio.timeout(self.settings.timeout_s):
                    return await call()
            except RunStopped:
                raise
            except Exception as error:
                fault = self._client.fault(error)
            attempts += 1
            if fault.action != "retry" or attempts >= self.settings.max_attempts:
                self.stop(UserError(
                    f"{self.base_urls[0]} does not do batches for us ({fault.detail}); the batches made so far are in "
                    "the journal, run the same command again to resume, or use --backend chat"
                ))  # fmt: skip
                raise RunStopped
            self.tally.retries[fault.kind] += 1
            await self._pause(fault.retry_after_s or backoff_s(attempts - 1, self.settings.backoff_s))


def _row(request: Request) -> str:
    row = {"custom_id": request.key, "method": "POST", "url": "/v1/chat/completions", "body": wire_body(request)}
    return json.dumps(row, ensure_ascii=False)


def _read_row(request: Request, row: dict[str, Any]) -> Response | Fault:
    """A line of a batch's output or error file."""
    response = row.get("response")
    if not response:
        error = row.get("error") or {}
        return Fault("timeout", f"{error.get('code')}: {error.get('message')}", "retry")
    body = response.get("body") or {}
    if response.get("status_code") != 200:
        error = body.get("error") or {}
        fault = fault_of_status(
            int(response.get("status_code") or 500), str(error.get("message")), error.get("code"), {}
        )
        return fault if fault.action == "retry" else Fault("bad_request", fault.detail, "record")
    return read_completion(request, body, 0.0)
