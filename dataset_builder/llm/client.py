"""What the text service needs of a client, so that another protocol is one new file beside `openai_chat/`.

Such a file holds a class with these members and is named in `PROTOCOLS`; retries, limits, money and the journal are
the service's and know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self

from dataset_builder.llm.openai_chat.client import ChatClient
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import Fault
from dataset_builder.llm.settings import ServiceSettings


class TextClient(Protocol):
    """Connections to all endpoints of a run: an async context manager that tries nothing twice."""

    key_name: str
    """The variable that the key is read from."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def send(self, base_url: str, request: Request) -> Response | Fault:
        """Sends one request once."""

    async def probe(self, base_url: str) -> Fault | None:
        """Why nobody answers there, or refuses the key; None where somebody does."""


PROTOCOLS: dict[str, Callable[[Sequence[str], ServiceSettings], TextClient]] = {"openai": ChatClient}
"""By name: a client of some endpoints, which takes its timeout and the names of its flags from the settings."""
