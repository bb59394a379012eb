"""The text service: a request goes in, a `Response` comes out, and what was paid for is on disk before you see it.

`TextService.ask` looks in the journal first, then sends within the limits, the budget and the endpoints' patience,
tries again what can heal, and journals the reply or the failure. `run.run_requests` does that for a flat list. A run
stops, with everything in flight drained and written, at Ctrl-C (a second one stops at once), at the cost cap, at a
refusal that every request would meet (401, 403, 404, no quota), and when all endpoints are down.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.llm.budget import Budget, BudgetExhausted
from dataset_builder.llm.client import PROTOCOLS
from dataset_builder.llm.endpoints import Endpoint, EndpointPool
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.limits import RateLimits
from dataset_builder.llm.openai_chat import resolve_base_urls
from dataset_builder.llm.pricing import PriceList, estimated_prompt_tokens, most_tokens, price_list
from dataset_builder.llm.progress import Display, Tally
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import Fault, backoff_s
from dataset_builder.llm.settings import ServiceSettings

TICK_S = 0.5
NOTE_S = 5.0
MOST_THROTTLED = 100
Job = Callable[[], Coroutine[Any, Any, None]]


class RunStopped(Exception):
    """The run ends before this request was answered; nothing was recorded for it."""


class TextService:
    """One run's way to the models. Use `run(jobs)`; the jobs call `ask`."""

    batch = False

    def __init__(
        self,
        settings: ServiceSettings,
        journal: Journal,
        tally: Tally,
        *,
        label: str,
        on_note: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.journal = journal
        self.tally = tally
        self.base_urls = resolve_base_urls(settings.base_urls)
        self.prices: PriceList = price_list(settings, self.base_urls, batch=self.batch)
        self.budget = Budget(journal, settings.max_cost_usd)
        self.stopped_by: UserError | KeyboardInterrupt | None = None
        self._on_note = on_note
        self._limits = RateLimits(settings.requests_per_minute, settings.tokens_per_minute)
        self._client = PROTOCOLS[settings.protocol](self.base_urls, settings.timeout_s)
        endpoints = [Endpoint(url, settings.max_in_flight) for url in self.base_urls]
        self._pool = EndpointPool(endpoints, settings.max_in_flight)
        self._display = Display(label, tally, settings.progress)
        self._being_asked: dict[str, asyncio.Future[Response]] = {}
        self._stop_event = asyncio.Event()

    def run(self, jobs: Iterable[Job]) -> None:
        """Runs all jobs, as many at a time as requests may be in flight; see `stopped_by` for why it ended early."""
        asyncio.run(self._session(self._run_jobs(jobs)))

    async def ask(self, request: Request) -> Response:
        """The reply to a request, from the journal or from a model.

        Raises:
            RunStopped: the run ends first.
        """
        known = self.journal.settled(request.key, self.settings.retry_failed)
        if known is not None:
            self.tally.reuse(known)
            await asyncio.sleep(0)  # a resumed run looks up thousands in a row; signals and the display get their turn
            return known
        if request.key in self._being_asked:
            return await asyncio.shield(self._being_asked[request.key])
        future = self._being_asked[request.key] = asyncio.get_running_loop().create_future()
        try:
            response = await self._ask_until_settled(request)
            future.set_result(response)
            return response
        except BaseException:
            future.cancel()
            raise
        finally:
            del self._being_asked[request.key]

    def stop(self, reason: UserError | KeyboardInterrupt) -> None:
        """Starts nothing new; what is in flight is still read and written."""
        if self.stopped_by is None:
            self.stopped_by = reason
            self._stop_event.set()
            self._pool.refuse_all(RunStopped())
            self.budget.wake_all()

    async def _session(self, work: Coroutine[Any, Any, None]) -> None:
        """Connections, signals and the display around the work of a run."""
        with contextlib.closing(work):
            async with self._client, self._interruptible():
                await self._probe()
                ticker = asyncio.create_task(self._tick())
                try:
                    await work
                finally:
                    ticker.cancel()
                    await asyncio.gather(ticker, return_exceptions=True)
                    self.budget.close()
                    self._display.show(self._pool.in_flight, self.cost_text(), last=True)
                    self._display.close()
                    self._on_note()

    async def _run_jobs(self, jobs: Iterable[Job]) -> None:
        iterator = iter(jobs)
        workers = [asyncio.create_task(self._work(iterator)) for _ in range(self.settings.max_in_flight)]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, jobs: Iterator[Job]) -> None:
        for job in jobs:
            if self.stopped_by is not None:
                return
            try:
                await job()
            except RunStopped:
                return

    async def _ask_until_settled(self, request: Request) -> Response:
        tries = attempts = throttled = 0
        while True:
            outcome, endpoint = await self._attempt(request)
            if isinstance(outcome, Response):
                return outcome
            if outcome.action == "record":
                return self._record_failure(request, outcome)
            if outcome.action == "stop":
                self.stop(self._refusal(outcome, endpoint))
                raise RunStopped
            self.tally.retries[outcome.kind] += 1
            self._stop_if_down()
            self._check()
            if outcome.kind == "rate_limit":
                throttled += 1
            elif not _is_endpoints_fault(outcome, endpoint):
                attempts += 1
            if attempts >= self.settings.max_attempts or throttled >= MOST_THROTTLED:
                return self._record_failure(request, outcome)
            if outcome.retry_after_s is None:
                tries += 1
                await self._pause(backoff_s(min(tries, 8) - 1, self.settings.backoff_s))

    async def _attempt(self, request: Request) -> tuple[Response | Fault, Endpoint]:
        """Sends the request once; a reply is journalled before this returns."""
        self._check()
        endpoint = await self._pool.acquire()
        try:
            booked = estimated_prompt_tokens(request) + most_tokens(request)[1]
            await self._limits.admit(booked)
            reserved = self.prices.worst_case(request) or 0.0
            await self._reserve(reserved)
            sent_at = time.monotonic()
            try:
                outcome = await self._client.send(endpoint.base_url, request)
            except BaseException:
                self.budget.lose(reserved)
                raise
            if isinstance(outcome, Response):
                endpoint.succeeded()
                self._limits.settle(booked, outcome.prompt_tokens + outcome.completion_tokens)
                return self._record(outcome, reserved), endpoint
            self._settle_fault(outcome, reserved)
            if outcome.action == "retry":
                endpoint.failed(request.key, outcome, sent_at)
            return outcome, endpoint
        finally:
            self._pool.release(endpoint)

    def _record(self, response: Response, reserved: float) -> Response:
        cost = self.prices.cost(response.request, response.prompt_tokens, response.completion_tokens)
        if cost is not None and not response.prompt_tokens:
            cost = reserved  # no usage block: nobody can say it was cheaper
        response = _with_cost(response, cost)
        self.journal.add(response)
        self.budget.settle(reserved, cost or 0.0)
        self.tally.add(response)
        return response

    def _record_failure(self, request: Request, fault: Fault) -> Response:
        cost = None if self.prices.price(request.model) is None else 0.0
        response = Response(request, None, cost_usd=cost, error_kind=fault.kind, error=fault.detail)
        self.journal.add(response)
        self.tally.add(response)
        return response

    def _settle_fault(self, fault: Fault, reserved: float) -> None:
        if fault.maybe_billed:
            self.budget.lose(reserved)
        else:
            self.budget.settle(reserved, 0.0)

    async def _reserve(self, amount: float) -> None:
        self._check()
        try:
            await self.budget.reserve(amount)
        except BudgetExhausted:
            self.stop(self._cap_reached(amount))
            raise RunStopped from None

    def _cap_reached(self, amount: float) -> UserError:
        return UserError(
            f"the cost cap is reached: ${self.budget.highest_usd:.4f} of ${self.budget.cap_usd:.4f} spent or due, and "
            f"the next request may cost ${amount:.4f}; raise --max_cost_usd and run again to resume"
        )

    def _check(self) -> None:
        if self.stopped_by is not None:
            raise RunStopped

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop_event.wait(), seconds)

    def _stop_if_down(self) -> None:
        down_s = self._pool.down_for_s()
        if down_s >= self.settings.give_up_after_s:
            endpoint = self._pool.endpoints[0]
            reason = (
                f"{endpoint.base_url} has been down for {down_s:.0f} s ({endpoint.last_failure}); what was answered "
                "is kept, run the same command again when it is back"
            )
            self.stop(UserError(reason))

    async def _probe(self) -> None:
        """Fails early and in one line when nobody answers; sets aside the endpoints that do not."""
        faults = await asyncio.gather(*map(self._client.probe, self.base_urls))
        for endpoint, fault in zip(self._pool.endpoints, faults, strict=True):
            if fault and fault.action == "stop":
                raise self._refusal(fault, endpoint)
        if all(faults) and faults[0]:
            raise UserError(
                f"nobody answers at {', '.join(self.base_urls)} ({faults[0].detail}); start the server or correct "
                "--base_url. Nothing was sent, what was answered before is kept"
            )
        for endpoint, fault in zip(self._pool.endpoints, faults, strict=True):
            if fault:
                endpoint.set_aside(fault.detail)
                self._display.say(f"{endpoint.base_url} does not answer and is set aside ({fault.detail})")

    def _refusal(self, fault: Fault, endpoint: Endpoint) -> UserError:
        advice = {
            "auth": f"check {self._client.key_name}",
            "not_found": "check --model and --base_url (it usually ends in /v1)",
            "quota": "the account's quota is used up; add credit and run the same command again",
        }[fault.kind]
        return UserError(
            f"{endpoint.base_url} refuses every request ({fault.detail}); {advice}. What was answered is kept"
        )

    async def _tick(self) -> None:
        noted = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            self._display.show(self._pool.in_flight, self.cost_text())
            await asyncio.to_thread(self.journal.sync)
            if time.monotonic() - noted >= NOTE_S:
                noted = time.monotonic()
                self._on_note()

    def require_prices(self, models: Iterable[str]) -> None:
        """A cap needs a price for every model.

        Raises:
            UserError: there is a cap, and a model without a price.
        """
        for model in models:
            if self.settings.max_cost_usd is not None and self.prices.price(model) is None:
                raise UserError(
                    f"--max_cost_usd needs the price of {model}, which the table does not have; give --price_input "
                    "and --price_output in USD per million tokens"
                )

    def cost_text(self) -> str:
        """The cost so far, for people."""
        lost = f" (+${self.budget.lost_usd:.4f} maybe)" if self.budget.lost_usd else ""
        return f"${self.budget.spent_usd:.4f}{lost}"

    @contextlib.asynccontextmanager
    async def _interruptible(self) -> AsyncIterator[None]:
        """First signal: drain. Second: stop at once, with what was read already on disk."""
        loop, main = asyncio.get_running_loop(), asyncio.current_task()

        def interrupt() -> None:
            if isinstance(self.stopped_by, KeyboardInterrupt) and main:
                main.cancel()
                return
            self._display.say(f"stopping: {self._pool.in_flight} in flight are still read; again to stop at once")
            self.stopped_by = None
            self.stop(KeyboardInterrupt())

        signals = (signal.SIGINT, signal.SIGTERM)
        installed = []
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not in the main thread
            for number in signals:
                loop.add_signal_handler(number, interrupt)
                installed.append(number)
        try:
            yield
        except asyncio.CancelledError:
            if not isinstance(self.stopped_by, KeyboardInterrupt):
                raise
        finally:
            for number in installed:
                loop.remove_signal_handler(number)


def _with_cost(response: Response, cost_usd: float | None) -> Response:
    return Response(
        response.request, response.text, response.finish_reason, response.prompt_tokens, response.completion_tokens,
        cost_usd, response.latency_s, response.error_kind, response.error,
    )  # fmt: skip


def _is_endpoints_fault(fault: Fault, endpoint: Endpoint) -> bool:
    """Nobody listening, or silence from an endpoint that is down: no row is given up for that."""
    never_sent = fault.kind == "connection" and not fault.maybe_billed
    return never_sent or (endpoint.is_down and fault.kind in ("connection", "timeout"))
