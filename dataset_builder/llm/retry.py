"""What went wrong with one attempt, and whether trying again can help.

can heal          429, 5xx, 408, 409, timeouts, dropped connections, unreadable replies   -> tried again, bounded
this row's fault  400 and other 4xx                                                       -> recorded at once
every row's fault 401, 403, 404, an exhausted quota                                       -> the run stops
"""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Action = Literal["retry", "record", "stop"]
LONGEST_PAUSE_S = 900.0
LONGEST_BACKOFF_S = 60.0


@dataclass(frozen=True)
class Fault:
    """A failed attempt. `maybe_billed`: the request reached a model, so it may cost although no reply came."""

    kind: str
    detail: str
    action: Action
    retry_after_s: float | None = None
    maybe_billed: bool = False


def fault_of_status(status: int, message: str, code: str | None, headers: Mapping[str, str]) -> Fault:
    """Reads a refusal.

    Args:
        status: the HTTP status.
        message: what the server says, without secrets.
        code: the provider's own word for the error, if any.
        headers: of the reply; `Retry-After` is read.
    """
    detail = f"HTTP {status}: {message}"
    if status in (401, 403):
        return Fault("auth", detail, "stop")
    if status == 404:
        return Fault("not_found", detail, "stop")
    if status == 402 or code == "insufficient_quota":
        return Fault("quota", detail, "stop")
    if status == 429:
        return Fault("rate_limit", detail, "retry", retry_after(headers))
    if status >= 500 or status in (408, 409, 425):
        return Fault("server", detail, "retry", retry_after(headers) if status == 503 else None)
    return Fault("bad_request", detail, "record")


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait as the server asks, from `retry-after-ms` or `Retry-After` (seconds or a date).

    >>> retry_after({"retry-after": "2"}), retry_after({"retry-after-ms": "150"}), retry_after({"retry-after": "soon"})
    (2.0, 0.15, None)
    """
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return _bounded(float(milliseconds) / 1000)
        if seconds := headers.get("retry-after"):
            return _bounded(float(seconds))
    except ValueError:
        date = email.utils.parsedate_tz(headers.get("retry-after", ""))
        if date is not None:
            return _bounded(email.utils.mktime_tz(date) - (time.time() if now is None else now))
    return None


def backoff_s(attempt: int, first_s: float) -> float:
    """The pause before trying again: doubles from `first_s`, at most a minute, with jitter so that rows spread out."""
    return min(LONGEST_BACKOFF_S, first_s * 2**attempt) * random.uniform(0.5, 1.0)


def _bounded(seconds: float) -> float | None:
    return min(LONGEST_PAUSE_S, max(0.0, seconds)) if seconds == seconds else None
