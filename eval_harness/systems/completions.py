"""Asks a model for texts so that every answer is in the run's journal before anything uses it.

Both ways share one journal (`OUTPUT/journal.sqlite`): `ask` goes over HTTP through the generator's client, and
`ask_in_process` runs a model here, batch by batch. Either way a request that is in the journal is not asked again, so
a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Failure
from eval_harness.records.predictions import Usage

# A reply that was cut short or filtered is still what the model gave: it is judged. Only these never got an answer.
_GIVEN = frozenset({"length", "empty", "content_filter"})


def ask(requests: Sequence[Request], settings: ServiceSettings, journal_path: Path, *, label: str) -> list[Response]:
    """Answers by HTTP, in the order of `requests`; a request that got none is a Response with its `error_kind`.

    An endpoint that dies half-way leaves what it answered in the journal and the rest as failures; one that never
    answered anything of these requests is the user's to mend.

    Raises:
        UserError: no key, no endpoint, no such model, another run holds the journal.
    """
    from dataset_builder.llm.run import run_requests

    stopped = ""
    try:
        answered = dict(run_requests(requests, settings, journal_path, label=label))
    except UserError as error:
        stopped = str(error)
        with Journal(journal_path) as journal:
            found = {request.key: journal.get(request.key) for request in requests}
        answered = {key: response for key, response in found.items() if response is not None}
        if not any(response.ok for response in answered.values()):
            raise
    return [
        answered.get(request.key) or Response(request, None, error_kind="connection", error=stopped or "not answered")
        for request in requests
    ]


def ask_in_process(
    requests: Sequence[Request],
    complete: Callable[[Sequence[Request]], Sequence[Response]],
    journal_path: Path,
    *,
    batch_size: int,
    label: str,
) -> list[Response]:
    """Answers from a model in this process, journalled after each batch.

    Args:
        requests: what to ask; those of like length stand together in a batch, the longest first.
        complete: answers one batch, in its order.
        journal_path: the run's journal.
        batch_size: requests decoded together.
        label: name of the progress bar.
    """
    found: dict[str, Response] = {}
    with Journal(journal_path) as journal, tqdm(total=len(requests), desc=label, unit="reply") as bar:
        for request in requests:
            known = journal.get(request.key)
            if known is not None and known.ok:
                found[request.key] = known
        bar.update(len(found))
        left = sorted(
            (request for request in requests if request.key not in found),
            key=lambda request: -len(request.messages[-1]["content"]),
        )
        for start in range(0, len(left), batch_size):
            batch = left[start : start + batch_size]
            for response in complete(batch):
                journal.add(response)
                found[response.request.key] = response
            bar.update(len(batch))
    return [found[request.key] for request in requests]


def timed(complete: Callable[[], Sequence[str]], requests: Sequence[Request]) -> list[Response]:
    """Runs one batch and shares its seconds among its requests."""
    start = time.perf_counter()
    texts = complete()
    seconds = (time.perf_counter() - start) / max(1, len(requests))
    return [
        Response(request, text, "stop", cost_usd=0.0, latency_s=seconds)
        for request, text in zip(requests, texts, strict=True)
    ]


def usage_of(response: Response) -> Usage:
    """What the request took; a request that failed costs nothing known."""
    cost = response.cost_usd if response.ok or response.cost_usd is not None else 0.0
    return Usage(response.prompt_tokens, response.completion_tokens, cost, response.latency_s)


def failure_of(response: Response, stage: str) -> Failure | None:
    """Why there is no text, or None where the model gave one (be it empty or cut short)."""
    if response.ok or response.error_kind in _GIVEN:
        return None
    return Failure(stage, str(response.error_kind), response.error or "")
