"""What tokens cost: the prices of a run, and the arithmetic before and during it.

Prices are USD per million input / output tokens for the plain (not batch) API, as the package genai-prices lists them
for the endpoint's provider; nothing is fetched, newer ones come with `pip install -U genai-prices`. An endpoint that
it does not know is taken for a gateway to OpenAI's models. `--price_input` and `--price_output` override the list for
every model of the run; `--price_file` is a YAML of `model: [input, output]` lines. A model served from this machine
costs nothing; any other unknown model has no price, so its cost is "unknown" and a cap on it is refused.

Token counts before a run are estimates without a tokenizer: four characters a token, or what the journal has seen. For
a cap they must be upper bounds instead: no tokenizer makes more tokens than the text has UTF-8 bytes.
"""

from __future__ import annotations

import functools
import importlib.metadata
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text
from dataset_builder.llm.request import Request
from dataset_builder.llm.settings import ServiceSettings

BATCH_DISCOUNT = 0.5
CHARACTERS_PER_TOKEN = 4
MESSAGE_OVERHEAD = 8
DEFAULT_MAX_TOKENS = 4096


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    input: float
    output: float

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


@dataclass(frozen=True)
class PriceList:
    """The prices of one run."""

    table: dict[str, Price]
    """By model, from the user's file."""
    base_url: str = ""
    """The endpoint, whose provider's list holds for any other model."""
    fallback: Price | None = None
    """The price of every model, where the user gave one or the models are served from this machine."""
    factor: float = 1.0
    """What the batch API takes off."""
    flags: str = ""
    """What the user gave `fallback` with; empty: it is not the user's."""

    def price(self, model: str) -> Price | None:
        """The price of a model, None for an unknown one; a dated name ("gpt-4o-2024-05-13") may have its family's."""
        families = [name for name in self.table if model == name or model.startswith(f"{name}-2")]
        given = self.table[max(families, key=len)] if families else self.fallback
        price = given or listed_price(model, self.base_url)
        return Price(price.input * self.factor, price.output * self.factor) if price else None

    def source(self, model: str) -> str:
        """Where the model's price is from, for people; empty for an unknown one."""
        if any(model == name or model.startswith(f"{name}-2") for name in self.table):
            return "--price_file"
        if self.fallback is not None:
            return self.flags or "nothing, for it is served on this machine"
        return list_version() if listed_price(model, self.base_url) else ""

    def cost(self, request: Request, prompt_tokens: int, completion_tokens: int) -> float | None:
        price = self.price(request.model)
        return None if price is None else price.cost(prompt_tokens, completion_tokens)

    def worst_case(self, request: Request) -> float | None:
        """The most one attempt at this request can cost; None without a price."""
        price = self.price(request.model)
        return None if price is None else price.cost(*most_tokens(request))


def price_list(settings: ServiceSettings, base_urls: Sequence[str], *, batch: bool = False) -> PriceList:
    """The prices that hold for a run at these endpoints.

    Raises:
        UserError: one of the two prices is missing, or the price file is unreadable.
    """
    factor = BATCH_DISCOUNT if batch else 1.0
    if (settings.price_input is None) != (settings.price_output is None):
        raise UserError(f"give both {settings.price_flags} (USD per million tokens), or neither")
    fallback = None
    if settings.price_input is not None and settings.price_output is not None:
        fallback = Price(settings.price_input, settings.price_output)
    elif base_urls and all(is_loopback(url) for url in base_urls):
        fallback = Price(0.0, 0.0)
    table = _read_prices(Path(settings.price_file)) if settings.price_file else {}
    remote = next((url for url in base_urls if not is_loopback(url)), "")
    flags = "" if settings.price_input is None else settings.price_flags
    return PriceList(table, remote, fallback, factor, flags)


@functools.cache
def listed_price(model: str, base_url: str = "") -> Price | None:
    """What the provider behind an endpoint asks for a model, as genai-prices has it; None where it has nothing."""
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=1000, output_tokens=1000)
    try:
        listed = calc_price(usage, model, provider_api_url=base_url)
    except LookupError:
        try:
            listed = calc_price(usage, model, provider_id="openai")
        except LookupError:
            return None
    return Price(float(1000 * listed.input_price), float(1000 * listed.output_price))


def list_version() -> str:
    """Which list of prices that is, for people."""
    return f"genai-prices {importlib.metadata.version('genai-prices')}"


def is_loopback(url: str) -> bool:
    """Is the endpoint on this machine?

    >>> is_loopback("http://127.0.0.1:8000/v1"), is_loopback("http://localhost:11434/v1"), is_loopback("https://a.org")
    (True, True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def estimated_prompt_tokens(request: Request) -> int:
    """Four characters a token: near enough for English to plan with, not to be billed by."""
    characters = sum(len(message["content"]) for message in request.messages)
    return characters // CHARACTERS_PER_TOKEN + MESSAGE_OVERHEAD * len(request.messages)


def most_tokens(request: Request) -> tuple[int, int]:
    """Upper bounds of a request's prompt and reply tokens."""
    size = sum(len(message["content"].encode()) + MESSAGE_OVERHEAD for message in request.messages)
    limit = request.decoding.get("max_tokens") or request.decoding.get("max_completion_tokens") or DEFAULT_MAX_TOKENS
    return size + MESSAGE_OVERHEAD, int(limit)


def _read_prices(path: Path) -> dict[str, Price]:
    try:
        values: Any = yaml.safe_load(read_text(path))
        return {str(model): Price(float(pair[0]), float(pair[1])) for model, pair in values.items()}
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise UserError(f"{path} must hold `model: [input, output]` lines, USD per million tokens: {error}") from error
