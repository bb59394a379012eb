"""How a model was asked, as a run's record says it: who served it, and which parameters it took otherwise or not.

    {"served_by": [{"base_url": "http://127.0.0.1:8000/v1", "says": {"id": "m", "root": "qwen2.5-7b", ...}}],
     "parameters": {"renamed": {"max_tokens": "max_completion_tokens"}, "left_out": ["temperature"]}}

`parameters` is there where one was changed, by the user or because the model refused it. No password of an address and
no path of the server's machine is in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dataset_builder.llm.journal import Journal
from dataset_builder.llm.journal.served_by import served_by
from dataset_builder.llm.openai_chat.parameters import PARAMETERS_NOTE, Parameters, read_renames
from dataset_builder.llm.settings import ServiceSettings


def asked_how(journal: Path, model: str, decoding: Mapping[str, Any], settings: ServiceSettings) -> dict[str, Any]:
    """What a journal knows of a model.

    Args:
        journal: of the run; nothing is known where there is none.
        model: its name at the endpoint.
        decoding: the parameters of its requests, but for those that a request adds (stop, seed).
        settings: what the user renamed and left out.
    """
    if not journal.is_file():
        return {}
    with Journal(journal, read_only=True) as opened:
        served = served_by(opened).get(model, [])
        found = json.loads(opened.note(PARAMETERS_NOTE) or "{}")
    facts = [{"base_url": public_url(one["base_url"]), "says": _without_paths(one["says"])} for one in served]
    changed = _changes(
        Parameters(read_renames(settings.rename_parameters), settings.leave_out, found), model, decoding
    )
    return {"served_by": facts, **({"parameters": changed} if changed else {})}


def _changes(parameters: Parameters, model: str, decoding: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: next(iter(parameters.wire(model, {name: 0})), None) for name in (*decoding, "stop", "seed")}
    renamed = {name: new for name, new in names.items() if new not in (None, name)}
    left_out = [name for name, new in names.items() if new is None]
    return {"renamed": renamed, "left_out": left_out} if renamed or left_out else {}


def public_url(url: str) -> str:
    """An address without the user, password and query that it may hold.

    >>> public_url("https://ann:key@host:8000/v1?key=secret")
    'https://host:8000/v1'
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _without_paths(says: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a server says of its model; of a path on its machine the last part."""
    if says is None:
        return None
    return {
        key: Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
        for key, value in says.items()
    }
