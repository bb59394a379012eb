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
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import LASTING
from dataset_builder.llm.openai_batch.ledger import BatchEntry, BatchLedger
from dataset_builder.llm.openai_batch.rows import read_line, read_row, row_text
from dataset_builder.llm.openai_chat.client import ChatClient
from dataset_builder.llm.reasons import all_refused, cap_reached, refused
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import LONGEST_WAIT_S, Fault, backoff_s
from dataset_builder.llm.service import RunStopped, TextService

MOST_BYTES = 190 * 2**20
MOST_FAILED_BATCHES = 3
FINAL = ("completed", "expired", "cancelled", "failed")
INTENT = "intent"
ValueT = TypeVar("ValueT")
OpenRequests = Callable[[Callable[[str], Response | None]], Iterator[Request]]


class _Gone(Exception):
    """A batch or a file that the provider no longer has."""


class BatchService(TextService):
    """A `TextService` that asks in waves: all that can be asked now goes into batches, until nothing is open."""

    batch = True
    _client: ChatClient  # whose files and batches this uses

    def prepare(self, folder: Path) -> None:
        """Names the folder for the batches' files."""
        self._folder = folder
        self._ledger = BatchLedger(self.journal)
        self._most_rows = self.settings.batch_rows
        self._failed_again: dict[str, Response] = {}
        self._failed_batches = 0
        self._stops: list[Fault] = []

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
                    self._stop_if_all_refused()
        except RunStopped:
            return

    def _pending(self, open_requests: OpenRequests) -> Iterator[Request]:
        for request in open_requests(self._lookup):
            if request.key not in self._ledger:
                yield request

    def _lookup(self, key: str) -> Response | None:
        if key in self._failed_again:  # whatever another run may do, this one has tried it often enough
            return self._failed_again[key]
        return self.journal.settled(key, self.settings.retry_failed)

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
            row_size, row_cost = len(row_text(request, self.parameters).encode()) + 1, self._worst(request)
            held = sum(cost for _, _, cost in chunks.values())
            if not self.budget.fits(held + row_cost):
                if not held and not self._ledger.entries():
                    self.stop(cap_reached(self.budget, row_cost, self.settings.flag("max_cost_usd")))
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
            lines.writelines(f"{row_text(request, self.parameters)}\n" for request in rows)
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
            try:
                batch = await self._calling(lambda: client.batches.retrieve(entry.batch_id), may_be_gone=True)
            except _Gone:
                self._let_go(entry, f"batch {entry.batch_id} is gone from {entry.base_url}")
                return
            if batch.status in FINAL:
                break
            await self._pause(self.settings.batch_poll_s)
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
            await self._ingest(entry, file_id)
        self._let_go(entry)
        self._count_failed(batch)

    def _let_go(self, entry: BatchEntry, reason: str = "") -> None:
        """A batch is over: rows without a result are open again."""
        left = list(self._ledger.requests(entry.intent))
        self._ledger.close(entry.intent)
        for request in left:
            self.budget.settle(self._worst(request), 0.0)
            if self._ledger.tries(request.key) >= self.settings.max_attempts and request not in self._refusals:
                self._give_up(request, Fault("bad_reply", "its batches ended without a result", "retry"))
        (self._folder / f"{entry.intent}.jsonl").unlink(missing_ok=True)
        if reason:
            self._display.say(f"{reason}: its {len(left):,} rows without a result are asked again")

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

        try:
            await self._calling(download, may_be_gone=True)
        except _Gone:
            self._display.say(f"file {file_id} of batch {entry.batch_id} is gone; its rows are asked again")
            return
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                row = read_line(line)
                if row is not None:
                    self._take(entry, row)
        path.unlink()

    def _take(self, entry: BatchEntry, row: dict[str, Any]) -> None:
        """Journals one finished row; a row without a result stays open, unless it was tried often enough."""
        request = self._ledger.request(entry.intent, str(row["custom_id"]))
        if request is None:
            return  # taken before this run was killed
        outcome = read_row(request, row)
        if isinstance(outcome, Fault):
            self._take_fault(request, outcome)
            return
        with self.journal.transaction():
            self._ledger.settle(request.key)
            recorded = self._record(outcome, self._worst(request))
        if outcome.error_kind in LASTING:
            self._failed_again[request.key] = recorded

    def _take_fault(self, request: Request, fault: Fault) -> None:
        """A row without a reply: open again where that can help, else a recorded failure."""
        sent = self.parameters.wire(request.model, request.decoding)
        if fault.action == "stop":
            self._stops.append(fault)
            return
        mended = fault.parameter and self.parameters.mend(request.model, fault.parameter, sent, request.decoding)
        mended = mended or (fault.parameter and fault.parameter not in sent)  # another row of this batch said so
        if mended or (
            fault.action in ("retry", "wait") and self._ledger.tries(request.key) < self.settings.max_attempts
        ):
            self.tally.retries[fault.kind] += 1
            return
        if fault.action == "record" and self._refusals.hold(request, fault):
            return
        self.budget.settle(self._worst(request), 0.0)
        self._give_up(request, fault)

    def _give_up(self, request: Request, fault: Fault) -> None:
        """A failure is recorded, and this run does not ask again."""
        with self.journal.transaction():
            self._ledger.settle(request.key)
            self._failed_again[request.key] = self._record_failure(request, fault)

    def _stop_if_all_refused(self) -> None:
        """After a batch: what its rows say of the account, the model or the request ends the run, its rows open."""
        if self._stops:
            self.stop(refused(self.base_urls[0], self._stops[0], self._client.key_name))
            raise RunStopped
        own, of_all = self._refusals.end()
        for request, fault in own:
            self._give_up(request, fault)
        if of_all is not None:
            self.stop(all_refused(self.base_urls[0], of_all))
            raise RunStopped

    async def _calling(self, call: Callable[[], Awaitable[ValueT]], *, may_be_gone: bool = False) -> ValueT:
        """One call of the files or batches API, tried again while that can help.

        Args:
            call: makes the call.
            may_be_gone: what is asked for may have been deleted.

        Raises:
            _Gone: it has.
        """
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
            if may_be_gone and fault.kind == "not_found":
                raise _Gone
            too_long = (fault.retry_after_s or 0.0) > LONGEST_WAIT_S
            if fault.action not in ("retry", "wait") or too_long or attempts >= self.settings.max_attempts:
                self.stop(UserError(
                    f"{self.base_urls[0]} does not do batches for us ({fault.detail}); the batches made so far are in "
                    "the journal, run the same command again to resume, or use --backend chat"
                ))  # fmt: skip
                raise RunStopped
            self.tally.retries[fault.kind] += 1
            await self._pause(fault.retry_after_s or backoff_s(attempts - 1, self.settings.backoff_s))
