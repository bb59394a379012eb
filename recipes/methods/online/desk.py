"""Asks for rewards in the background, in the order in which samples are handed in.

    with RewardDesk(reward) as desk:
        desk.hand_in(first_samples)        # returns at once; the next samples are drawn meanwhile
        desk.hand_in(more_samples)
        desk.collect()                     # waits; [Earned(...), ...] of both, in order

One thread asks, because a journal has one writer; what was handed in while it was busy goes out together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from recipes.methods.online.rewards import Earned, Sample

Ask = Callable[[Sequence[Sample]], list[Earned]]


class RewardDesk:
    """Rewards of samples, asked for by one thread of its own."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rewards")
        self._lock = threading.Lock()
        self._waiting: list[Sample] = []
        self._earned: list[Earned] = []
        self._asked: list[Future[None]] = []

    def __enter__(self) -> RewardDesk:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def hand_in(self, samples: Sequence[Sample]) -> None:
        """Takes samples; their rewards come with the next `collect`."""
        with self._lock:
            self._waiting += samples
        self._asked.append(self._thread.submit(self._ask_waiting))

    def collect(self) -> list[Earned]:
        """The rewards of all samples since the last call, in their order.

        Raises:
            UserError: requests failed; nothing is kept of this call.
        """
        try:
            for future in self._asked:
                future.result()
            return self._earned
        finally:
            self._asked, self._earned, self._waiting = [], [], []

    def _ask_waiting(self) -> None:
        with self._lock:
            samples, self._waiting = self._waiting, []
        if samples:
            self._earned += self._ask(samples)
