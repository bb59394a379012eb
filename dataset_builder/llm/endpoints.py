"""Several endpoints share the load: who gets the next request, and who is left alone for a while.

Per endpoint: an adaptive number of requests in flight (cut by a quarter at a 429, at most once per round trip; one
more per round of successes), a pause as long as `Retry-After` asks, and a circuit breaker that sets an endpoint aside
after ten failures in a row of different requests, then lets one request at a time try it. A run whose endpoints have
all been down for `give_up_after_s` is stopped by the service.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from dataset_builder.llm.retry import Fault

CUT = 0.75
DOWN_AFTER_FAILURES = 10
FIRST_REST_S = 2.0
LONGEST_REST_S = 30.0


class Endpoint:
    """One base URL and how it has been doing."""

    def __init__(self, base_url: str, most_in_flight: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.base_url = base_url
        self.host = urlsplit(base_url).netloc
        self.allowed = float(most_in_flight)
        self.in_flight = 0
        self.resting_until = 0.0
        self.failing_since: float | None = None
        self.last_failure = ""
        self._most = most_in_flight
        self._clock = clock
        self._last_cut = -1.0
        self._rest_s = FIRST_REST_S
        self._failing: set[str] = set()
        self._failures_in_row = 0

    @property
    def is_down(self) -> bool:
        rows = min(DOWN_AFTER_FAILURES, self._most)  # a few bad rows do not make a bad endpoint
        return self._failures_in_row >= DOWN_AFTER_FAILURES and len(self._failing) >= rows

    @property
    def has_room(self) -> bool:
        return self.in_flight < (1 if self.is_down else int(self.allowed)) and self.resting_until <= self._clock()

    def succeeded(self) -> None:
        """A reply was read: one more in flight per round of successes."""
        self.allowed = min(self._most, self.allowed + 1 / self.allowed)
        self.failing_since = None
        self._failing.clear()
        self._failures_in_row = 0
        self._rest_s = FIRST_REST_S

    def failed(self, key: str, fault: Fault, sent_at: float) -> None:
        """An attempt that could heal went wrong."""
        now = self._clock()
        if fault.retry_after_s is not None:
            self.resting_until = max(self.resting_until, now + fault.retry_after_s)
        if fault.kind == "rate_limit":
            if sent_at > self._last_cut:
                self.allowed = max(1.0, min(self.allowed, self.in_flight + 1) * CUT)
                self._last_cut = now
            return
        self.last_failure = fault.detail
        self.failing_since = self.failing_since if self.failing_since is not None else now
        was_down = self.is_down
        self._failing.add(key)
        self._failures_in_row += 1
        if self.is_down and (not was_down or self.resting_until <= now):
            self.resting_until = max(self.resting_until, now + self._rest_s)
            self._rest_s = min(LONGEST_REST_S, self._rest_s * 2)

    def set_aside(self, reason: str) -> None:
        """Starts as down: it did not answer before the run."""
        self._failing.update(map(str, range(DOWN_AFTER_FAILURES)))
        self._failures_in_row = DOWN_AFTER_FAILURES
        self.last_failure, self.failing_since = reason, self._clock()
        self.resting_until = self._clock() + self._rest_s


class EndpointPool:
    """Hands out places in flight, first come first served, at the endpoint with the fewest."""

    def __init__(self, endpoints: Sequence[Endpoint], most_in_flight: int) -> None:
        self.endpoints = list(endpoints)
        self.in_flight = 0
        self._most = most_in_flight
        self._waiters: deque[asyncio.Future[Endpoint]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    async def acquire(self) -> Endpoint:
        """A place in flight; waits for one."""
        if not self._waiters and (endpoint := self._take()):
            return endpoint
        waiter: asyncio.Future[Endpoint] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._hand_out()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(waiter.result())
            raise

    def release(self, endpoint: Endpoint) -> None:
        endpoint.in_flight -= 1
        self.in_flight -= 1
        self._hand_out()

    def refuse_all(self, error: Exception) -> None:
        """Ends the wait of everybody who has no place yet."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(error)

    def down_for_s(self) -> float:
        """How long no endpoint has been up; 0 while one is."""
        if not all(endpoint.is_down for endpoint in self.endpoints):
            return 0.0
        now = time.monotonic()
        return min(now - (endpoint.failing_since or now) for endpoint in self.endpoints)

    def resting_for_s(self) -> float:
        """How long it takes until the first endpoint may be asked again; 0 while one may."""
        return max(0.0, min(endpoint.resting_until for endpoint in self.endpoints) - time.monotonic())

    def _take(self) -> Endpoint | None:
        if self.in_flight >= self._most:
            return None
        free = [endpoint for endpoint in self.endpoints if endpoint.has_room]
        if not free:
            return None
        endpoint = min(free, key=lambda one: one.in_flight)
        endpoint.in_flight += 1
        self.in_flight += 1
        return endpoint

    def _hand_out(self) -> None:
        while self._waiters:
            if self._waiters[0].done():
                self._waiters.popleft()
                continue
            endpoint = self._take()
            if endpoint is None:
                self._set_alarm()
                return
            self._waiters.popleft().set_result(endpoint)

    def _set_alarm(self) -> None:
        """Somebody waits: look again when the first resting endpoint is back."""
        now = time.monotonic()
        rests = [endpoint.resting_until - now for endpoint in self.endpoints if endpoint.resting_until > now]
        if rests and self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(min(rests) + 0.001, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self._hand_out()
