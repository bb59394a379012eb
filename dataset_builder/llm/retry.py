"""What went wrong with one attempt, and how long to wait before the next.

    retry    can heal: tried again, bounded
    wait     an allowance is used up for now: tried again when it is renewed, which counts against no row
    record   this row is refused, whatever is tried
    stop     every row would meet it until the user mends something: the run stops and burns nothing

Which answer of an endpoint means what is one table: `openai_chat.meanings`.
"""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Action = Literal["retry", "wait", "record", "stop"]
LONGEST_BACKOFF_S = 60.0
LONGEST_WAIT_S = 300.0
"""A server that asks for more ends the run, which is resumed later, instead of letting it sleep."""
TOLD_WAIT_S = 10.0
"""Who waits longer is told."""


@dataclass(frozen=True)
class Fault:
    """A failed attempt."""

    kind: str
    """rate_limit | server | timeout | connection | bad_reply | bad_request | moderation | parameter | auth | ..."""
    detail: str
    """The server's own words, without the key."""
    action: Action
    """What it means for the run."""
    retry_after_s: float | None = None
    """How long the server asks to wait."""
    maybe_billed: bool = False
    """The request reached a model, so it may cost although no reply came."""
    parameter: str = ""
    """Which parameter the model refuses, where it names one."""
    advice: str = ""
    """What the user can do, where the kind alone does not say."""


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait as the server asks, from `retry-after-ms` or `Retry-After` (seconds or a date).

    >>> retry_after({"retry-after": "2"}), retry_after({"retry-after-ms": "150"}), retry_after({"retry-after": "soon"})
    (2.0, 0.15, None)
    """
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return _positive(float(milliseconds) / 1000)
        if seconds := headers.get("retry-after"):
            return _positive(float(seconds))
    except ValueError:
        date = email.utils.parsedate_tz(headers.get("retry-after", ""))
        if date is not None:
            return _positive(email.utils.mktime_tz(date) - (time.time() if now is None else now))
    return None


def backoff_s(attempt: int, first_s: float) -> float:
    """The pause before trying again: doubles from `first_s`, at most a minute, with jitter so that rows spread out."""
    return min(LONGEST_BACKOFF_S, first_s * 2**attempt) * random.uniform(0.5, 1.0)


def _positive(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds == seconds else None
