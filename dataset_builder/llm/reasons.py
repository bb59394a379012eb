"""Why a run ends before everything is answered: each reason in one line, with what to do."""

from __future__ import annotations

from collections.abc import Sequence

from dataset_builder.core.errors import UserError
from dataset_builder.llm.budget import Budget
from dataset_builder.llm.retry import Fault


def refused(base_url: str, fault: Fault, key_name: str) -> UserError:
    """The key, the address, the model or the account: every request would meet it."""
    advice = fault.advice or {
        "auth": f"check {key_name}",
        "not_found": "check --model and --base_url (it usually ends in /v1)",
    }.get(fault.kind, "mend it and run the same command again")
    return UserError(f"{base_url} refuses every request ({fault.detail}); {advice}. What was answered is kept")


def all_refused(base_url: str, fault: Fault) -> UserError:
    """Nothing was answered, and the rows were refused alike."""
    named = f"; --leave_out {fault.parameter} does not send it" if fault.parameter else ""
    return UserError(
        f"{base_url} refuses every request ({fault.detail}){named}; mend the command or the server and run it again, "
        "no row was given up"
    )


def given_up(count: int, first: Fault) -> UserError:
    """Rows that failed as often as they may, in ways that can heal."""
    return UserError(
        f"{count:,} requests were given up for now (the first: {first.kind}, {first.detail}); run the same command "
        "again, it asks only what is missing"
    )


def cap_reached(budget: Budget, amount_usd: float, flag: str) -> UserError:
    """The next request could cost more than is left."""
    return UserError(
        f"the cost cap is reached: ${budget.highest_usd:.4f} of ${budget.cap_usd:.4f} spent or due, and the next "
        f"request may cost ${amount_usd:.4f}; raise {flag} and run again to go on"
    )


def down(base_url: str, down_s: float, last_failure: str) -> UserError:
    """No endpoint has worked for long."""
    return UserError(
        f"{base_url} has been down for {down_s:.0f} s ({last_failure}); what was answered is kept, run the same "
        "command again when it is back"
    )


def nobody_answers(base_urls: Sequence[str], fault: Fault, flag: str) -> UserError:
    """No endpoint can be reached before the first request."""
    return UserError(
        f"nobody answers at {', '.join(base_urls)} ({fault.detail}); start the server or correct {flag}. Nothing "
        "was sent, what was answered before is kept"
    )


def too_long_a_wait(base_url: str, wait_s: float, fault: Fault) -> UserError:
    """Every endpoint asks to be left alone for many minutes."""
    return UserError(
        f"{base_url} asks to wait {duration(wait_s)} ({fault.detail}); what was answered is kept, run the same "
        "command again then"
    )


def duration(seconds: float) -> str:
    """A wait for people.

    >>> duration(90), duration(86400)
    ('90 s', '24.0 h')
    """
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 3600:.1f} h"
