"""Requests and tokens per minute: a bucket each, refilled steadily.

A bucket holds at most ten seconds' worth, so that a start does not spend a whole minute's allowance in one burst.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

BURST_S = 10.0


class Bucket:
    """An allowance of `per_minute` units. `take` may run it into debt; the wait it returns pays the debt back."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_minute / 60
        self._capacity = max(1.0, self._per_s * BURST_S)
        self._level = self._capacity
        self._clock = clock
        self._seen = clock()

    def take(self, units: float) -> float:
        """Books `units` and returns the seconds to wait before using them."""
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._seen) * self._per_s) - units
        self._seen = now
        return max(0.0, -self._level / self._per_s)

    def give_back(self, units: float) -> None:
        """Returns what was booked too much (negative: books what was booked too little)."""
        self._level = min(self._capacity, self._level + units)


class RateLimits:
    """Both limits of a run; None means unlimited."""

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._requests = Bucket(requests_per_minute) if requests_per_minute else None
        self._tokens = Bucket(tokens_per_minute) if tokens_per_minute else None

    async def admit(self, tokens: float) -> None:
        """Waits until one request of so many tokens is allowed."""
        waits = [self._requests.take(1)] if self._requests else []
        waits += [self._tokens.take(tokens)] if self._tokens else []
        if waits and (wait := max(waits)) > 0:
            await asyncio.sleep(wait)

    def settle(self, booked: float, used: float) -> None:
        """Corrects the token count once the reply says what was used."""
        if self._tokens:
            self._tokens.give_back(booked - used)
