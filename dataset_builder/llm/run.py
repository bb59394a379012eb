"""Asks a flat series of requests: for stages that do not depend on one another."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Iterable
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.llm.client import PROTOCOLS
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.journal.served_by import check_served_by, served_by
from dataset_builder.llm.openai_chat.address import resolve_base_urls
from dataset_builder.llm.progress import Tally
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.service import TextService
from dataset_builder.llm.settings import ServiceSettings

LOOK_S = 2.0


def run_requests(
    requests: Iterable[Request], settings: ServiceSettings, journal_path: Path, *, label: str
) -> dict[str, Response]:
    """Asks a flat series of requests, resumably, and returns the responses by key.

    Failures are responses with an `error_kind`. With `settings.offline` nothing is sent and only what the journal
    holds comes back.

    Args:
        requests: what to ask; equal ones are asked once.
        settings: endpoints, limits and cost cap.
        journal_path: where every reply is kept.
        label: the run's name in the progress line.

    Raises:
        UserError: the run had to stop (endpoint down, key refused, cost cap); the journal keeps what was answered.
        KeyboardInterrupt: somebody stopped it; likewise.
    """
    pending = list({request.key: request for request in requests}.values())
    responses: dict[str, Response] = {}
    with Journal(journal_path, read_only=settings.offline) as journal:
        for request in pending:
            if (
                settled := journal.get(request.key)
                if settings.offline
                else journal.settled(request.key, settings.retry_failed)
            ):
                responses[request.key] = settled
        missing = [request for request in pending if request.key not in responses]
        if settings.offline:
            return responses
        if not missing:
            _check_endpoint(journal, settings, {request.model for request in pending})
            return responses
        tasks = {task: sum(request.task == task for request in missing) for task in {one.task for one in missing}}
        service = TextService(settings, journal, Tally(tasks, journal.totals()), label=label)

        async def ask(request: Request) -> None:
            responses[request.key] = await service.ask(request)

        service.will_ask({request.model for request in missing})
        service.run(functools.partial(ask, request) for request in missing)
        if service.stopped_by is not None:
            raise service.stopped_by
    return responses


def refuse_other_endpoint(models: Iterable[str], settings: ServiceSettings, journal_path: Path) -> None:
    """Compares, before anything is asked, where a journal's replies came from with where these models are now.

    Args:
        models: that will be asked; those that the journal does not know are passed over.
        settings: endpoints.
        journal_path: where every reply is kept; it may be new.

    Raises:
        OtherEndpoint: a model is served from elsewhere, or its server says other things of it.
    """
    if not journal_path.is_file():
        return
    with Journal(journal_path) as journal:
        if known := set(models) & served_by(journal).keys():
            _check_endpoint(journal, settings, known)


def _check_endpoint(journal: Journal, settings: ServiceSettings, models: Iterable[str]) -> None:
    """Yesterday's answers are no answers of another endpoint: compares what can be known without asking anything."""
    urls = resolve_base_urls(settings.base_urls, flag=settings.flag("base_url"))
    listings: dict[str, object] = {}

    async def look() -> None:
        async with PROTOCOLS[settings.protocol](urls, settings) as client:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await asyncio.gather(*map(client.probe, urls))
            listings.update(getattr(client, "listings", {}))

    with contextlib.suppress(UserError):  # without a key what was answered may still be read
        asyncio.run(look())
    check_served_by(journal, sorted(models), urls, listings, other_endpoint=settings.other_endpoint)
