"""Which endpoint served the models of a journal's replies, so that another model under an old name is noticed.

For each model the journal keeps where its replies came from and what that endpoint's `/models` said of it (without the
time, which changes at each start):

    {"base_url": "http://127.0.0.1:8000/v1", "says": {"id": "m", "root": "/models/qwen2.5-7b", "owned_by": "vllm"}}

The same address with the same words is the same model, and so is another address whose server names the same weights
(`root`). Anything else is refused unless the user says that it is the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal import Journal

NOTE = "served_by"
_CHANGES_BY_ITSELF = ("created", "permission", "loaded", "status")


class OtherEndpoint(UserError):
    """The models of a journal's replies are served from elsewhere now."""


def check_served_by(
    journal: Journal,
    models: Iterable[str],
    base_urls: Sequence[str],
    listings: Mapping[str, Any],
    *,
    other_endpoint: bool,
) -> None:
    """Compares the endpoints of a run with those of the replies that its journal holds, and notes them.

    Args:
        journal: of the run.
        models: those that are asked.
        base_urls: the endpoints of this run.
        listings: by base URL: what its `/models` says, where it was asked and answered.
        other_endpoint: the user says that it is the same model.

    Raises:
        OtherEndpoint: a model is served from elsewhere, or its server says other things of it.
    """
    known = served_by(journal)
    changed = False
    for model in models:
        before = known.setdefault(model, [])
        for url in base_urls:
            now = {"base_url": url, "says": listed(listings.get(url), model)}
            if any(same_endpoint(now, one) for one in before):
                continue
            earlier = [one["base_url"] for one in before]
            shares_the_load = url not in earlier and any(one in base_urls for one in earlier)
            if before and not shares_the_load and not other_endpoint:
                raise OtherEndpoint(_difference(model, before, now))
            before.append(now)
            changed = True
    if changed:
        journal.set_note(NOTE, json.dumps(known))


def listed(listing: Any, model: str) -> dict[str, Any] | None:
    """What a `/models` answer says of a model; None where it says nothing."""
    data = listing.get("data") if isinstance(listing, dict) else listing
    for entry in data if isinstance(data, list) else []:
        if isinstance(entry, dict) and model in (entry.get("id"), entry.get("name")):
            return {name: value for name, value in entry.items() if name not in _CHANGES_BY_ITSELF}
    return None


def same_endpoint(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two notes are of the same model: at one address, or with the same weights at another."""
    says, said = one["says"], other["says"]
    if one["base_url"] == other["base_url"]:
        return says is None or said is None or says == said
    return bool(says and said and says.get("root") and says.get("root") == said.get("root"))


def _difference(model: str, before: Sequence[Mapping[str, Any]], now: Mapping[str, Any]) -> str:
    here = [one for one in before if one["base_url"] == now["base_url"]]
    if here:
        what = f"{now['base_url']} says of {model} {json.dumps(now['says'])}, and said {json.dumps(here[-1]['says'])}"
    else:
        what = f"{model} is asked at {now['base_url']}, and this folder's replies came from {before[-1]['base_url']}"
    return f"{what}; give another --output, or --other_endpoint true if it is the same model"


def served_by(journal: Journal) -> dict[str, list[dict[str, Any]]]:
    """By model: the endpoints that served it."""
    noted: dict[str, list[dict[str, Any]]] = json.loads(journal.note(NOTE) or "{}")
    return noted
