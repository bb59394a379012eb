"""The text service: a request goes in, a `Response` comes out, and what was paid for is on disk before you see it.

`TextService.ask` looks in the journal first, then sends within the limits, the budget and the endpoints' patience,
tries again what can heal, and journals the reply or the failure. `run.run_requests` does that for a flat list. A run
stops, with everything in flight drained and written, at Ctrl-C (a second one stops at once), at the cost cap, at a
refusal that every request would meet (the key, the model, the account, a parameter), when every endpoint asks to be
left alone for minutes, and when all are down.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from dataclasses import replace
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.door.signals import STOPPING, stop_handlers
from dataset_builder.llm.budget import Budget, BudgetExhausted
from dataset_builder.llm.client import PROTOCOLS
from dataset_builder.llm.endpoints import Endpoint, EndpointPool
from dataset_builder.llm.journal import LASTING, Journal
from dataset_builder.llm.journal.served_by import check_served_by
from dataset_builder.llm.limits import RateLimits
from dataset_builder.llm.openai_chat.address import resolve_base_urls
from dataset_builder.llm.openai_chat.client import ChatClient
from dataset_builder.llm.openai_chat.parameters import PARAMETERS_NOTE, Parameters, read_renames
from dataset_builder.llm.pricing import PriceList, estimated_prompt_tokens, most_tokens, price_list
from dataset_builder.llm.progress import Display, Tally
from dataset_builder.llm.reasons import (
    all_refused,
    cap_reached,
    down,
    duration,
    given_up,
    nobody_answers,
    refused,
    too_long_a_wait,
)
from dataset_builder.llm.refusals import Refusals
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import LONGEST_WAIT_S, TOLD_WAIT_S, Fault, backoff_s
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
        self.base_urls = resolve_base_urls(settings.base_urls, flag=settings.flag("base_url"))
        self.prices: PriceList = price_list(settings, self.base_urls, batch=self.batch)
        self.budget = Budget(journal, settings.max_cost_usd)
        self.stopped_by: UserError | KeyboardInterrupt | None = None
        self._on_note = on_note
        self._limits = RateLimits(settings.requests_per_minute, settings.tokens_per_minute)
        self._client = PROTOCOLS[settings.protocol](self.base_urls, settings)
        self.parameters = Parameters(
            read_renames(settings.rename_parameters),
            settings.leave_out,
            json.loads(journal.note(PARAMETERS_NOTE) or "{}"),
            settings.max_cost_usd is not None,
            self._parameter_changed,
        )
        if isinstance(self._client, ChatClient):
            self._client.parameters = self.parameters
        self.first_failure: Fault | None = None
        """The first failure of this session that another run may heal."""
        self._refusals = Refusals((row.task, row.model) for row in journal.totals() if row.outcome == "answered")
        self._told_until = 0.0
        self._models: set[str] = set()
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
                check_served_by(
                    self.journal, sorted(self._models), self.base_urls, getattr(self._client, "listings", {}),
                    other_endpoint=self.settings.other_endpoint,
                )  # fmt: skip
                ticker = asyncio.create_task(self._tick())
                try:
                    await work
                    self._end_refusals()
                finally:
                    ticker.cancel()
                    await asyncio.gather(ticker, return_exceptions=True)
                    self.budget.close()
                    self._display.draw(self._pool.in_flight, self.cost_text(), last=True)
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
                return self._refuse(request, outcome)
            if outcome.action == "stop":
                self.stop(refused(endpoint.base_url, outcome, self._client.key_name))
                raise RunStopped
            self.tally.retries[outcome.kind] += 1
            self._stop_if_down()
            self._tell_wait(outcome, endpoint)
            self._check()
            if outcome.action == "wait":
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
            if outcome.action in ("retry", "wait"):
                endpoint.failed(request.key, outcome, sent_at)
            return outcome, endpoint
        finally:
            self._pool.release(endpoint)

    def _record(self, response: Response, reserved: float) -> Response:
        cost = self.prices.cost(response.request, response.prompt_tokens, response.completion_tokens)
        if cost is not None and not response.prompt_tokens:
            cost = reserved  # no usage block: nobody can say it was cheaper
        response = replace(response, cost_usd=cost)
        self.journal.add(response)
        self.budget.settle(reserved, cost or 0.0)
        self.tally.add(response)
        for held in self._refusals.answered(response.request):
            self._record_failure(*held)
        return response

    def _record_failure(self, request: Request, fault: Fault) -> Response:
        response = self._failed(request, fault)
        self.journal.add(response)
        self.tally.add(response)
        if fault.kind not in LASTING and self.first_failure is None:
            self.first_failure = fault
        return response

    def _failed(self, request: Request, fault: Fault) -> Response:
        cost = None if self.prices.price(request.model) is None else 0.0
        return Response(request, None, cost_usd=cost, error_kind=fault.kind, error=fault.detail)

    def _refuse(self, request: Request, fault: Fault) -> Response:
        """A refusal of this row, recorded at once where others like it were answered."""
        if not self._refusals.hold(request, fault):
            return self._record_failure(request, fault)
        if (every := self._refusals.of_every_row()) is not None:
            self.stop(all_refused(self.base_urls[0], every))
            raise RunStopped
        return self._failed(request, fault)

    def _end_refusals(self) -> None:
        """What is still held: of rows whose like was answered in an earlier session, or of a run without an answer."""
        if self.stopped_by is not None:
            return
        own, of_all = self._refusals.end()
        for request, fault in own:
            self._record_failure(request, fault)
        if of_all is not None:
            self.stop(all_refused(self.base_urls[0], of_all))

    def unfinished(self) -> UserError | None:
        """After a run that was not stopped: what it gave up for now, so that another run may heal it."""
        return None if self.first_failure is None else given_up(self.tally.given_up(), self.first_failure)

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
            self.stop(cap_reached(self.budget, amount, self.settings.flag("max_cost_usd")))
            raise RunStopped from None

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
            self.stop(down(endpoint.base_url, down_s, endpoint.last_failure))

    async def _probe(self) -> None:
        """Fails early and in one line when nobody answers; sets aside the endpoints that do not."""
        faults = await asyncio.gather(*map(self._client.probe, self.base_urls))
        for endpoint, fault in zip(self._pool.endpoints, faults, strict=True):
            if fault and fault.action == "stop":
                raise refused(endpoint.base_url, fault, self._client.key_name)
        if all(faults) and faults[0]:
            raise nobody_answers(self.base_urls, faults[0], self.settings.flag("base_url"))
        for endpoint, fault in zip(self._pool.endpoints, faults, strict=True):
            if fault:
                endpoint.set_aside(fault.detail)
                self._display.say(f"{endpoint.base_url} does not answer and is set aside ({fault.detail})")

    def _tell_wait(self, fault: Fault, endpoint: Endpoint) -> None:
        """A long pause is said at once; one of many minutes at every endpoint ends the run instead."""
        wait_s = fault.retry_after_s or 0.0
        if self._pool.resting_for_s() > LONGEST_WAIT_S:
            self.stop(too_long_a_wait(endpoint.base_url, wait_s, fault))
        elif wait_s >= TOLD_WAIT_S and time.monotonic() > self._told_until:
            self._told_until = time.monotonic() + wait_s / 2
            self._display.say(f"{endpoint.base_url} asks to wait {duration(wait_s)} ({fault.detail})")

    def _parameter_changed(self, line: str) -> None:
        self.journal.set_note(PARAMETERS_NOTE, json.dumps(self.parameters.found))
        self._display.say(line)

    async def _tick(self) -> None:
        noted = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            self._display.draw(self._pool.in_flight, self.cost_text())
            await asyncio.to_thread(self.journal.sync)
            if time.monotonic() - noted >= NOTE_S:
                noted = time.monotonic()
                self._on_note()

    def will_ask(self, models: Iterable[str]) -> None:
        """Names the models of the run; a cap needs a price for every one.

        Raises:
            UserError: there is a cap, and a model without a price.
        """
        self._models.update(models)
        for model in sorted(self._models):
            if self.settings.max_cost_usd is not None and self.prices.price(model) is None:
                raise UserError(
                    f"{self.settings.flag('max_cost_usd')} needs the price of {model}, which the table does not have; "
                    f"give {self.settings.price_flags} in USD per million tokens"
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

        # removing the loop's handlers leaves Python's own, not what was there
        with stop_handlers(), contextlib.ExitStack() as installed:
            with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not in the main thread
                for number in STOPPING:
                    loop.add_signal_handler(number, interrupt)
                    installed.callback(loop.remove_signal_handler, number)
            try:
                yield
            except asyncio.CancelledError:
                if not isinstance(self.stopped_by, KeyboardInterrupt):
                    raise


def _is_endpoints_fault(fault: Fault, endpoint: Endpoint) -> bool:
    """Nobody listening, or silence from an endpoint that is down: no row is given up for that."""
    never_sent = fault.kind == "connection" and not fault.maybe_billed
    return never_sent or (endpoint.is_down and fault.kind in ("connection", "timeout"))
