"""A hard cap on what a run may cost, however many requests are in flight.

Before a request is sent its worst case (every byte of the prompt a token, the longest reply allowed) is reserved; the
reply settles it to what it really cost. An attempt that reached a model but brought no readable reply may be billed
all the same, so its worst case stays spent. So does what was reserved when a process was killed: the journal keeps a
high-water mark of it. The sum of all this never passes the cap.
"""

from __future__ import annotations

import asyncio
from collections import deque

from dataset_builder.llm.journal import Journal

RESERVED_NOTE = "reserved_usd"
LOST_NOTE = "maybe_billed_usd"


class BudgetExhausted(Exception):
    """The next request could pass the cap, and nothing is in flight that could still turn out cheaper."""


class Budget:
    """Money spent, reserved and possibly lost; `cap_usd` None only counts."""

    def __init__(self, journal: Journal, cap_usd: float | None) -> None:
        self._journal = journal
        self.cap_usd = cap_usd
        self.spent_usd = sum(row.cost_usd for row in journal.totals())
        self.lost_usd = float(journal.note(LOST_NOTE) or 0) + float(journal.note(RESERVED_NOTE) or 0)
        self.reserved_usd = 0.0
        self._noted_usd = 0.0
        self._waiters: deque[asyncio.Future[None]] = deque()
        if float(journal.note(RESERVED_NOTE) or 0):  # a process was killed with this in flight
            self._keep_lost()
            journal.set_note(RESERVED_NOTE, "0")

    @property
    def highest_usd(self) -> float:
        """The most that can be due by now."""
        return self.spent_usd + self.lost_usd + self.reserved_usd

    async def reserve(self, amount_usd: float) -> None:
        """Sets money aside, waiting while requests in flight may still free some.

        Raises:
            BudgetExhausted: there is not enough left.
        """
        while self.cap_usd is not None and self.highest_usd + amount_usd > self.cap_usd:
            if self.reserved_usd <= 1e-12:
                raise BudgetExhausted
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        self.reserved_usd += amount_usd
        self._keep_high_water()

    def fits(self, amount_usd: float) -> bool:
        """Could so much more be reserved now?"""
        return self.cap_usd is None or self.highest_usd + amount_usd <= self.cap_usd

    def hold(self, amount_usd: float) -> None:
        """Reserves what is known to fit and recorded elsewhere, as a batch's rows are."""
        self.reserved_usd += amount_usd

    def settle(self, reserved_usd: float, cost_usd: float) -> None:
        """Turns a reservation into what the reply cost."""
        self.reserved_usd = max(0.0, self.reserved_usd - reserved_usd)
        self.spent_usd += cost_usd
        self._wake()

    def lose(self, reserved_usd: float) -> None:
        """Counts the worst case of an attempt without a readable reply as spent."""
        if reserved_usd:
            self.reserved_usd = max(0.0, self.reserved_usd - reserved_usd)
            self.lost_usd += reserved_usd
            self._keep_lost()
            self._wake()

    def close(self) -> None:
        """Nothing is in flight any more."""
        if self._noted_usd:
            self._journal.set_note(RESERVED_NOTE, "0")
            self._noted_usd = 0.0

    def wake_all(self) -> None:
        """Lets every waiter look again, for instance because the run stops."""
        self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def _keep_high_water(self) -> None:
        if self.cap_usd is not None and self.reserved_usd > self._noted_usd:
            self._noted_usd = self.reserved_usd * 1.25  # rounded up, so that few reservations write
            self._journal.set_note(RESERVED_NOTE, repr(self._noted_usd))

    def _keep_lost(self) -> None:
        self._journal.set_note(LOST_NOTE, repr(self.lost_usd))
