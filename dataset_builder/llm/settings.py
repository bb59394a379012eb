"""How a text service is to be used: where it is, how hard it may be asked, what it may cost.

None of this is part of a request's key: a run may be resumed slower or dearer without asking anything again. That
holds for parameters, too, which are renamed or left out only where a model refuses them. The API key is not here
either; it stays in the environment.
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
    """Endpoints and limits of one run."""

    base_urls: tuple[str, ...] = ()
    """Several share the load; empty: OPENAI_BASE_URL, else OpenAI's own."""
    protocol: str = "openai"
    """How they are spoken to: a key of `client.PROTOCOLS`."""
    max_in_flight: int = 64
    """Requests under way at a time, over all endpoints."""
    requests_per_minute: float | None = None
    """Most requests sent in any minute; None: no limit."""
    tokens_per_minute: float | None = None
    """Most tokens, of prompts and replies, booked in any minute; None: no limit."""
    max_cost_usd: float | None = None
    """The run stops before it could cost more; None: no cap."""
    price_input: float | None = None
    """USD per million prompt tokens of every model; None: the list's (see `pricing.py`)."""
    price_output: float | None = None
    """USD per million reply tokens of every model; None: the list's."""
    price_file: str | None = None
    """YAML of `model: [input, output]` lines, which win over the list."""
    max_attempts: int = 6
    """Tries per request of what can heal: 5xx, timeouts, dropped connections, unreadable replies."""
    timeout_s: float = 180.0
    """Longest wait for one reply."""
    backoff_s: float = 1.0
    """Pause before the second try; it doubles from try to try."""
    give_up_after_s: float = 120.0
    """How long all endpoints may be down before the run stops."""
    batch_poll_s: float = 30.0
    """Pause between two looks at a batch."""
    batch_rows: int = 50_000
    """Most requests in a batch."""
    retry_failed: bool = False
    """Ask again what was recorded as a lasting failure."""
    rename_parameters: tuple[str, ...] = ()
    """`old=new`: parameters that the models take under another name."""
    leave_out: tuple[str, ...] = ()
    """Parameters that are not sent."""
    other_endpoint: bool = False
    """Go on although the models of a folder's earlier replies are now served from elsewhere."""
    offline: bool = False
    """Send nothing; only what the journal holds comes back."""
    progress: bool = True
    """Show a line with what is under way, done and spent."""

    @classmethod
    def of(cls, config: DataclassInstance, base_urls: Iterable[str]) -> ServiceSettings:
        """The settings that an entry point's config names by the same names; the others keep their defaults."""
        own = {field.name for field in dataclasses.fields(config)}
        names = own.intersection(field.name for field in dataclasses.fields(cls)) - {"base_urls"}
        values = {name: getattr(config, name) for name in names}
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return cls(tuple(filter(None, base_urls)), **values)
