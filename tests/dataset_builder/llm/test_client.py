"""Another protocol is another client under a name: the service, the journal and the messages go through it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.llm.client import PROTOCOLS
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.retry import Fault
from dataset_builder.llm.run import run_requests
from dataset_builder.llm.settings import ServiceSettings

REQUEST = Request("answer", "some-model", ({"role": "user", "content": "2 + 2"},), {"max_tokens": 5})
SETTINGS = ServiceSettings(("http://192.0.2.1/v1",), protocol="telepathy", progress=False)


class Telepathy:
    """Answers everything with its request's model, or refuses the key."""

    key_name = "TELEPATHY_KEY"
    fault: Fault | None = None

    def __init__(self, base_urls: Sequence[str], settings: ServiceSettings) -> None:
        self.base_urls = base_urls

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def send(self, base_url: str, request: Request) -> Response | Fault:
        return self.fault or Response(request, f"{request.model} says 4", "stop", 3, 4)

    async def probe(self, base_url: str) -> Fault | None:
        return None


@pytest.fixture
def telepathy(monkeypatch: pytest.MonkeyPatch) -> type[Telepathy]:
    monkeypatch.setitem(PROTOCOLS, "telepathy", Telepathy)
    return Telepathy


def test_a_client_of_another_protocol_is_asked_and_journalled(telepathy: type[Telepathy], tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    asked = run_requests([REQUEST], SETTINGS, journal, label="t")
    assert asked[REQUEST.key].text == "some-model says 4"
    offline = ServiceSettings(protocol="telepathy", offline=True)
    assert run_requests([REQUEST], offline, journal, label="t") == asked


def test_a_refused_key_is_named_as_that_protocol_names_it(
    telepathy: type[Telepathy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telepathy, "fault", Fault("auth", "no such key", "stop"))
    with pytest.raises(UserError, match="check TELEPATHY_KEY"):
        run_requests([REQUEST], SETTINGS, tmp_path / "journal.sqlite", label="t")
