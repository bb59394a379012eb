"""The pairs of an evaluation, by the files that `eval_harness.run` leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text
from dataset_builder.llm.journal import FILE_NAME
from eval_harness.records.results import ResultsRecord, load_record
from eval_harness.runs.run import Run, journal_cost, open_state


def is_evaluation(folder: Path) -> bool:
    """Whether pairs were scored there."""
    return (folder / "results").is_dir() or ((folder / "problems.jsonl").is_file() and (folder / FILE_NAME).is_file())


def evaluation(folder: Path) -> list[Run]:
    """A run per pair, and one of the folder where pairs are missing."""
    try:
        settings: dict[str, Any] = yaml.safe_load(read_text(folder / "config.yaml"))
        wanted = len(settings["decomposers"]) * len(settings["solvers"])
    except (OSError, UserError, yaml.YAMLError, KeyError, TypeError):
        settings, wanted = {}, 0
    paths = sorted((folder / "results").glob("*.json"))
    runs = [_pair(folder, path, settings) for path in paths]
    if len(paths) < max(wanted, 1):
        note = f"{len(paths)} of {wanted or '?'} pairs are scored"
        state, cost = open_state(folder / FILE_NAME), journal_cost(folder / FILE_NAME)
        runs.append(Run(str(folder), "evaluation", state, cost_usd=cost, note=note, settings=settings))
    return runs


def _pair(folder: Path, path: Path, settings: dict[str, Any]) -> Run:
    name = f"{folder}:{path.stem}"
    try:
        record = load_record(path)
    except UserError as error:
        return Run(name, "evaluation", "broken", note=" ".join(str(error).split()), settings=settings)
    failed = record.counts["request_failed"]
    return Run(
        folder=name,
        kind="evaluation",
        state="broken" if failed else "finished",
        method=record.label,
        backbone=str(record.solver["label"]),
        data=record.asked,
        accuracy=record.accuracy,
        low=record.interval["low"],
        high=record.interval["high"],
        n=record.n,
        cost_usd=_cost(record),
        hours=record.wall_s / 3600,
        note=f"{failed} requests failed; the same command asks only what is missing" if failed else "",
        settings=settings or record.config,
        weights_sha256=str(record.decomposer.get("weights_sha256") or ""),
    )


def _cost(record: ResultsRecord) -> float | None:
    costs = [role.get("cost_usd") for role in record.usage.values()]
    return None if None in costs else sum(cost for cost in costs if cost is not None)
