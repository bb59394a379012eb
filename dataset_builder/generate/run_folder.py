"""Whose a generation's folder is: what it was asked with, and what differs when it is asked otherwise.

A note in the journal holds, by stage that was asked, the model, the prompt and the decoding, and which problems:

    {"problems": {"name": "physics.jsonl", "split": "train"},
     "decompose": {"model": "gpt-4o-mini", "prompt": "decompose.v1@c9ae9ef87cb7", "temperature": 0.7, ...}, ...}

More problems of the same source, more sets and more votes go on in the same folder; another model, prompt or decoding
would mix two runs in one record, so it is refused unless the user says otherwise. A folder of before the note existed
is judged by its `run.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.generate.stages import Plan
from dataset_builder.llm.journal import FILE_NAME, Journal

NOTE = "asked_with"
RECORD_FILE = "run.json"
Asked = dict[str, dict[str, Any]]
"""By stage, and of the problems: what shapes the replies."""


def asked_with(plan: Plan, problems: str, split: str) -> Asked:
    """What a run is known by.

    Args:
        plan: models, prompts, decoding.
        problems: a source's name or a file's path.
        split: the source's.
    """
    stages = {
        stage.task: {"model": stage.model, "prompt": stage.prompt.reference, "seed": stage.seed, **stage.decoding}
        for stage in plan.stages
    }
    return {"problems": {"name": Path(problems).name, "split": split}, **stages}


def check_folder(folder: Path, asked: Asked, *, other_settings: bool) -> None:
    """Refuses a folder whose replies were asked for otherwise.

    Args:
        folder: the run's.
        asked: what is to be asked now.
        other_settings: the user says that it may differ.

    Raises:
        UserError: something differs; it is named.
    """
    if other_settings or not (folder / FILE_NAME).is_file():
        return
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        before = _before(journal, folder)
    if changed := ", ".join(_differences(before, asked)):
        raise UserError(
            f"{folder} holds a generation with other settings ({changed}); choose another --output, delete that "
            "folder, or go on with --other_settings: what is asked as before is not paid twice"
        )


def note_asked(journal: Journal, asked: Asked) -> None:
    """Writes down what the folder is asked with from now on."""
    journal.set_note(NOTE, json.dumps(json.loads(journal.note(NOTE) or "{}") | asked))


def _before(journal: Journal, folder: Path) -> Asked:
    """What the folder's replies were asked with; empty while it has none."""
    if not journal.totals():
        return {}
    if note := journal.note(NOTE):
        return dict(json.loads(note))
    try:
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        return {
            task: {"model": record["models"][task], "prompt": _reference(prompt), **record["decoding"][task]}
            for task, prompt in record["prompts"].items()
            if record["requests"].get(task, {}).get("answered")
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _reference(prompt: Mapping[str, str]) -> str:
    return f"{prompt['name']}@{prompt['sha256'][:12]}"


def _differences(before: Asked, asked: Asked) -> Iterator[str]:
    for part, old in before.items():
        new = asked.get(part, old)
        names = [name for name in {**old, **new} if "seed" in old or name != "seed"]  # older records do not name it
        for name in names:
            if old.get(name) != new.get(name):
                yield f"{part}: {name} {old.get(name)}, now {new.get(name)}"
