"""Asks a model for texts so that every answer is in the run's journal before anything uses it.

Both ways share one journal: `ask` goes over HTTP through the generator's client, and `ask_in_process` runs a model
here, batch by batch. Either way a request that is in the journal is not asked again, so a run that was killed resumes
where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.progress import Progress
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.journal.other_run import answered_in
from dataset_builder.llm.journal.served_by import OtherEndpoint
from dataset_builder.llm.request import Request, Response
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Failure
from dataset_builder.solving.records import CompletionRequest, Reply, Usage
from dataset_builder.text.parsing import cut_at_stop
from dataset_builder.text.replies import read_reply

# A reply that was cut short or filtered is still what the model gave: it is graded. Only these never got an answer.
_GIVEN = frozenset({"length", "empty", "content_filter"})
STOP_STRING = "stop_string"  # why a model in this process ended; an endpoint says "stop" for end of text, too
STOPS_PER_REQUEST = 4  # OpenAI's limit; the reply is cut at all of them here anyway


def ask(
    requests: Sequence[Request],
    settings: ServiceSettings,
    journal_path: Path,
    *,
    label: str,
    asked_before: Path | None = None,
) -> list[Response]:
    """Answers by HTTP, in the order of `requests`; a request that got none is a Response with its `error_kind`.

    An endpoint that dies half-way, or a cost cap that is reached, leaves what was answered in the journal and the rest
    as failures; one that never answered anything of these requests is the user's to mend.

    Args:
        requests: what to ask; equal ones are asked once.
        settings: endpoints, limits, cost cap.
        journal_path: the run's journal.
        label: names the progress.
        asked_before: another run, whose answers are taken instead of asking again.

    Raises:
        UserError: no key, no endpoint, no such model, another run holds the journal.
    """
    from dataset_builder.llm.run import run_requests

    taken = answered_in(asked_before, requests, journal_path) if asked_before else {}
    left, stopped = [request for request in requests if request.key not in taken], ""
    try:
        answered = dict(run_requests(left, settings, journal_path, label=label)) if left else {}
    except OtherEndpoint:
        raise
    except UserError as error:
        stopped = str(error)
        with Journal(journal_path) as journal:
            known = {request.key: journal.get(request.key) for request in left}
        answered = {key: response for key, response in known.items() if response is not None}
        if not any(response.ok for response in answered.values()):
            raise
    answered |= taken
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
        requests: what to ask, equal ones once; those of like length stand together in a batch, the longest first.
        complete: answers one batch, in its order.
        journal_path: the run's journal.
        batch_size: requests decoded together.
        label: names the progress.
    """
    distinct = {request.key: request for request in requests}
    answered: dict[str, Response] = {}
    with Journal(journal_path) as journal:
        for key in distinct:
            known = journal.get(key)
            if known is not None and known.ok:
                answered[key] = known
        left = sorted(
            (request for key, request in distinct.items() if key not in answered),
            key=lambda request: -len(request.messages[-1]["content"]),
        )
        with Progress(label, len(distinct), "problem", done=len(answered), shown=bool(label)) as progress:
            for start in range(0, len(left), batch_size):
                batch = left[start : start + batch_size]
                for response in complete(batch):
                    journal.add(response)
                    answered[response.request.key] = response
                progress.advance(len(batch))
    return [answered[request.key] for request in requests]


def timed(complete: Callable[[], Sequence[str]], requests: Sequence[Request]) -> list[Response]:
    """Runs one batch and shares its seconds among its requests."""
    start = time.perf_counter()
    texts = complete()
    seconds = (time.perf_counter() - start) / max(1, len(requests))
    return [
        Response(request, text, "stop", cost_usd=0.0, latency_s=seconds)
        for request, text in zip(requests, texts, strict=True)
    ]


def to_request(item: CompletionRequest, model: str, decoding: Mapping[str, Any]) -> Request:
    """The journal's request for a text to complete; the seed is sent where a temperature makes it matter."""
    shaped = dict(decoding) | ({"stop": list(item.stop[:STOPS_PER_REQUEST])} if item.stop else {})
    if decoding["temperature"] > 0:
        shaped["seed"] = item.sample_index
    return Request(
        task=item.task,
        model=model,
        messages=({"role": "user", "content": item.text},),
        decoding=shaped,
        problem_id=item.problem_id,
        sample_index=item.sample_index,
    )


def to_reply(response: Response, stop: Sequence[str] = ()) -> Reply:
    """The response as a reply, cut at the stop strings."""
    failure, usage = failure_of(response), usage_of(response)
    if failure is not None:
        return Reply(None, response.finish_reason, 0, failure, usage)
    if response.finish_reason == STOP_STRING:
        saved = int(response.request.decoding["max_tokens"]) - response.completion_tokens
        usage = replace(usage, saved_tokens=max(0, saved))
    return replace(cut_reply(response.text, stop), finish_reason=response.finish_reason, usage=usage)


def cut_reply(text: str | None, stop: Sequence[str]) -> Reply:
    """A text as a reply: read (`text.replies`), and what follows the first stop string is thrown away and counted."""
    if not text:
        return Reply(text)
    text = read_reply(text).text
    kept, _ = cut_at_stop(text, stop)
    return Reply(kept, cut_characters=len(text) - len(kept))


def usage_of(response: Response) -> Usage:
    """What the request took; a request that failed costs nothing known."""
    cost = response.cost_usd if response.ok or response.cost_usd is not None else 0.0
    return Usage(
        response.prompt_tokens,
        response.completion_tokens,
        cost,
        response.latency_s,
        reasoning_tokens=response.reasoning_tokens,
    )


def failure_of(response: Response) -> Failure | None:
    """Why there is no text, or None where the model gave one (be it empty or cut short)."""
    if response.ok or response.error_kind in _GIVEN:
        return None
    stage = "decompose" if response.request.task == "decompose" else "answer"
    return Failure(stage, str(response.error_kind), response.error or "")
