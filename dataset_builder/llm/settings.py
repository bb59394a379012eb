"""How a text service is to be used: where it is, how hard it may be asked, what it may cost.

    class EvalConfig(EndpointOptions): ...          an entry point's own keys, and with them those of its endpoint
    ServiceSettings.of(config, [url])               what the client is given

Each option of an endpoint is declared here, once. But for `reasoning_effort` none of it is part of a request's key: a
run may be resumed slower or dearer without asking anything again. That holds for parameters, too, which are renamed or
left out only where a model refuses them. The API key is not here either; it stays in the environment.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataset_builder.core.config import option

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_endpoint = functools.partial(option, owner="endpoint")


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """How hard an endpoint may be asked, what that may cost, and what it does not understand."""

    max_in_flight: int = _endpoint(
        64, "requests at once, at most; fewer after a 429 until it goes well again", least=1
    )
    requests_per_minute: float | None = _endpoint(None, "the account's limit, if you know it", above=0)
    tokens_per_minute: float | None = _endpoint(None, "likewise; of prompts and replies", above=0)
    max_cost_usd: float | None = _endpoint(
        None, "hard cap on the whole folder's cost, earlier sessions included", least=0
    )
    price_input: float | None = _endpoint(None, "USD per million prompt tokens, instead of the listed price", least=0)
    price_output: float | None = _endpoint(None, "USD per million reply tokens, instead of the listed price", least=0)
    price_file: str | None = _endpoint(None, "YAML of `model: [input, output]` prices that win over the listed ones")
    max_attempts: int = _endpoint(6, "tries per request for what can heal; then its failure is recorded", least=1)
    timeout_s: float = _endpoint(180.0, "seconds to wait for one reply", above=0)
    backoff_s: float = _endpoint(1.0, "the first pause before trying again; doubles", least=0)
    give_up_after_s: float = _endpoint(120.0, "stop when no endpoint has worked for so long", least=0)
    retry_failed: bool = _endpoint(False, "ask again what was refused for good (too long, cut, withheld, ...) before")
    rename_parameters: list[str] = option(
        [], "OLD=NEW, as in max_tokens=max_completion_tokens, for every model", owner="endpoint"
    )
    leave_out: list[str] = option(
        [], "parameters that are not sent: temperature, seed, stop, max_tokens, ...", owner="endpoint"
    )
    other_endpoint: bool = _endpoint(False, "go on although the models are now served from elsewhere than before")


@dataclass(frozen=True, kw_only=True)
class EndpointOptions(ServiceOptions):
    """All that a command line says of its endpoint: a config that asks one inherits these keys."""

    reasoning_effort: str = _endpoint("", "for reasoning models: low, medium, high, ...; empty: not sent")


@dataclass(frozen=True)
class ServiceSettings(ServiceOptions):
    """Endpoints and limits of one run."""

    base_urls: tuple[str, ...] = ()
    """Several share the load; empty: OPENAI_BASE_URL, else OpenAI's own."""
    protocol: str = "openai"
    """How they are spoken to: a key of `client.PROTOCOLS`."""
    batch_poll_s: float = 30.0
    """Pause between two looks at a batch."""
    batch_rows: int = 50_000
    """Most requests in a batch."""
    offline: bool = False
    """Send nothing; only what the journal holds comes back."""
    progress: bool = True
    """Show a line with what is under way, done and spent."""
    flag_prefix: str = ""
    """What the entry point's keys begin with, so that a message names the flag that is there: "solver_"."""

    @classmethod
    def of(cls, config: DataclassInstance, base_urls: Iterable[str], prefix: str = "") -> ServiceSettings:
        """The settings that an entry point's config names alike; the others keep their defaults.

        Args:
            config: has the keys.
            base_urls: the endpoints; empty ones are left out.
            prefix: what its keys begin with where it names several services: "solver_".
        """
        own = {field.name for field in dataclasses.fields(config)}
        names = {field.name for field in dataclasses.fields(cls)} - {"base_urls"}
        values = {name: getattr(config, prefix + name) for name in names if prefix + name in own}
        return cls(tuple(filter(None, base_urls)), flag_prefix=prefix, **values)

    def flag(self, name: str) -> str:
        """How the command line that these settings are from calls one of them: "--solver_max_cost_usd"."""
        return f"--{self.flag_prefix}{name}"

    @property
    def price_flags(self) -> str:
        """The two flags of a price."""
        return f"{self.flag('price_input')} and {self.flag('price_output')}"
