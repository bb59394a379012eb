"""What another run was answered, so that two runs that ask the same pay once.

The replies stay in the other run's journal, which is only read: what both cost together counts them once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.llm.journal import Journal
from dataset_builder.llm.journal.served_by import NOTE
from dataset_builder.llm.openai_chat.parameters import PARAMETERS_NOTE
from dataset_builder.llm.request import Request, Response


def answered_in(other: Path, requests: Sequence[Request], journal_path: Path) -> dict[str, Response]:
    """The other run's answers by key of the request; who gave them, and to what parameters, is noted in this journal.

    Args:
        other: the other run's folder or journal.
        requests: what this run asks.
        journal_path: of this run.

    Raises:
        UserError: there is no such journal.
    """
    with Journal(other, read_only=True) as before:
        found = {request.key: before.get(request.key) for request in requests}
        answered = {key: response for key, response in found.items() if response is not None and response.ok}
        models = {response.request.model for response in answered.values()}
        with Journal(journal_path) as journal:
            for name in (NOTE, PARAMETERS_NOTE):
                there, here = (json.loads(one.note(name) or "{}") for one in (before, journal))
                if new := {model: noted for model, noted in there.items() if model in models - here.keys()}:
                    journal.set_note(name, json.dumps(here | new))
    return answered
