"""What tokens cost: one dated table, and the arithmetic before and during a run.

Prices are USD per million input / output tokens, as OpenAI listed them on 2025-08-01 for the plain (not batch) API.
Check before you trust: a provider changes them without notice. `--price_input` and `--price_output` override the table
for every model of the run; `--price_file` is a YAML of `model: [input, output]` lines. A model served from this
machine costs nothing; any other unknown model has no price, so its cost is "unknown" and a cap on it is refused.

Token counts before a run are estimates without a tokenizer: four characters a token, or what the journal has seen. For
a cap they must be upper bounds instead: no tokenizer makes more tokens than the text has UTF-8 bytes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from dataset_builder.core.errors import UserError
from dataset_builder.llm.request import Request
from dataset_builder.llm.settings import ServiceSettings

PRICES_DATE = "2025-08-01"
PRICES: dict[str, tuple[float, float]] = {
    "gpt-3.5-turbo": (0.50, 1.50),
    "gpt-3.5-turbo-0125": (0.50, 1.50),
    "gpt-3.5-turbo-1106": (1.00, 2.00),
    "gpt-4": (30.00, 60.00),
    "gpt-4-turbo": (10.00, 30.00),
    "gpt-4o": (2.50, 10.00),
    "gpt-4o-2024-05-13": (5.00, 15.00),
    "gpt-4o-mini": (0.15, 0.60),
    "gpt-4.1": (2.00, 8.00),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1-nano": (0.10, 0.40),
    "o1": (15.00, 60.00),
    "o3": (2.00, 8.00),
    "o3-mini": (1.10, 4.40),
    "o4-mini": (1.10, 4.40),
}
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
    """The prices of one run; `price(model)` is None for an unknown model."""

    table: dict[str, Price]
    fallback: Price | None = None
    factor: float = 1.0

    def price(self, model: str) -> Price | None:
        """The price of a model; a dated name ("gpt-4o-mini-2024-07-18") has its family's price."""
        found = self.table.get(model) or self.fallback
        if found is None:
            families = [name for name in self.table if model.startswith(f"{name}-2")]
            found = self.table[max(families, key=len)] if families else None
        return Price(found.input * self.factor, found.output * self.factor) if found else None

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
    table = {name: Price(*pair) for name, pair in PRICES.items()}
    if settings.price_file:
        table |= _read_prices(Path(settings.price_file))
    factor = BATCH_DISCOUNT if batch else 1.0
    if (settings.price_input is None) != (settings.price_output is None):
        raise UserError("give both --price_input and --price_output (USD per million tokens), or neither")
    if settings.price_input is not None and settings.price_output is not None:
        return PriceList({}, Price(settings.price_input, settings.price_output), factor)
    if base_urls and all(is_loopback(url) for url in base_urls):
        return PriceList({}, Price(0.0, 0.0), factor)
    return PriceList(table, None, factor)


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
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {str(model): Price(float(pair[0]), float(pair[1])) for model, pair in values.items()}
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise UserError(f"{path} must hold `model: [input, output]` lines, USD per million tokens: {error}") from error
