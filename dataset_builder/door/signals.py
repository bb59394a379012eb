"""Ctrl-C, and the signal by which others ask a program to stop: answered for a while, then left as they were."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

STOPPING: dict[int, str] = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
"""What asks a program to stop -> its name; the second is how queues, containers and `timeout` ask."""


@contextlib.contextmanager
def stop_handlers(handler: Callable[[int, FrameType | None], object] | None = None) -> Iterator[None]:
    """In the block both signals call `handler`, after it they do again what they did before.

    Outside the main thread, which alone may say what a signal does, nothing changes.

    Args:
        handler: None: the block sets its own, by whatever means.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in STOPPING}  # None: not set by Python
    try:
        for number in STOPPING if handler else ():
            signal.signal(number, handler)
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
