"""How a text service is to be used: where it is, how hard it may be asked, what it may cost.

None of this shapes a reply, so none of it is part of a request's key: a run may go on elsewhere, slower or dearer
without asking anything again. The API key is not here either; it stays in the environment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class ServiceSettings:
    """Endpoints and limits of one run.

    `base_urls` empty means OPENAI_BASE_URL, else OpenAI's own; several share the load. Prices are USD per million
    tokens and override the table of `pricing.py`. `max_attempts` bounds what can heal (5xx, timeouts, dropped
    connections, unreadable replies) per request; `give_up_after_s` is how long an endpoint may be down before the run
    stops. `retry_failed` asks again what was recorded as a lasting failure.
    """

    base_urls: tuple[str, ...] = ()
    max_in_flight: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    max_cost_usd: float | None = None
    price_input: float | None = None
    price_output: float | None = None
    price_file: str | None = None
    max_attempts: int = 6
    timeout_s: float = 180.0
    backoff_s: float = 1.0
    give_up_after_s: float = 120.0
    batch_poll_s: float = 30.0
    batch_rows: int = 50_000
    retry_failed: bool = False
    offline: bool = False
    progress: bool = True

    @classmethod
    def of(cls, config: DataclassInstance, base_urls: Iterable[str]) -> ServiceSettings:
        """The settings that an entry point's config names by the same names; the others keep their defaults."""
        own = {field.name for field in dataclasses.fields(config)}
        names = own.intersection(field.name for field in dataclasses.fields(cls)) - {"base_urls"}
        return cls(tuple(filter(None, base_urls)), **{name: getattr(config, name) for name in names})
