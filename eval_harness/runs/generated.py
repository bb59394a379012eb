"""A generation, by the files that `dataset_builder.generate` leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text
from dataset_builder.generate.run_folder import RECORD_FILE
from dataset_builder.llm.journal import FILE_NAME
from eval_harness.runs.run import Run, State, journal_cost, open_state


def is_generation(folder: Path) -> bool:
    """Whether a teacher was asked there."""
    return (folder / RECORD_FILE).is_file() or (folder / "sets.jsonl").is_file()


def generation(folder: Path) -> Run:
    """The run of a folder."""
    try:
        facts: dict[str, Any] = json.loads(read_text(folder / RECORD_FILE))
        settings = yaml.safe_load(read_text(folder / "config.yaml"))
        problems, teacher = facts["problems"], facts["models"]["decompose"]
        state: State = "finished" if facts.get("finished") else open_state(folder / FILE_NAME)
        data = f"{problems['name']} {problems['split']}, {problems['count']:,} problems"
    except (OSError, UserError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        return Run(str(folder), "generation", "broken", note=f"{RECORD_FILE} cannot be read: {reason}")
    note = "" if state == "finished" else str(facts.get("stopped_by") or "")
    cost = journal_cost(folder / FILE_NAME)
    return Run(str(folder), "generation", state, "", teacher, data, cost_usd=cost, note=note, settings=settings)
