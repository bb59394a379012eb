"""One folder holds the pairs of one set of problems: scores on others, or read otherwise, do not stand in one table.

What must agree is the problems (their texts and golds, by hash), the rule, the seeds, and the endpoint that a model of
one name was asked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.llm.journal.served_by import same_endpoint
from eval_harness.records.results import ResultsRecord, load_records

_SHOWN = {"source": "source", "split": "split", "problems": "problems (limit)"}
OWN_FOLDER = "give each set of problems an output folder of its own"


def load_comparable(folder: Path) -> list[ResultsRecord]:
    """Every record of OUTPUT, in the order of their names.

    Raises:
        UserError: there is none, one cannot be read, or they do not belong in one table.
    """
    records = load_records(folder)
    check_same_set(records, folder)
    return records


def check_new_set(output: Path, dataset: Mapping[str, Any], rule: str, seeds: Sequence[int]) -> None:
    """Refuses to put a run into a folder that holds pairs of another set of problems.

    Args:
        output: the run's folder; it may be new.
        dataset: what the run asks, as its records will hold it.
        rule: how it reads answers.
        seeds: its runs.

    Raises:
        UserError: the folder holds another set; it says in what they differ.
    """
    if not any((output / "results").glob("*.json")):
        return
    before = load_comparable(output)[0]
    difference = [
        *set_difference(before.dataset, dataset),
        *_differing("rule", before.rule, rule),
        *_differing("seeds", before.seeds, list(seeds)),
    ]
    if difference:
        raise UserError(
            f"{output} holds pairs of another set of problems (before and now: {', '.join(difference)}); {OWN_FOLDER}"
        )


def check_same_set(records: Sequence[ResultsRecord], folder: Path) -> None:
    """Refuses records that belong in different folders.

    Raises:
        UserError: two differ in problems, rule, seeds or endpoint; it says in what.
    """
    first = records[0]
    for record in records[1:]:
        difference = set_difference(first.dataset, record.dataset)
        difference += _differing("rule", first.rule, record.rule) + _differing("seeds", first.seeds, record.seeds)
        difference += _endpoints(first, record)
        if difference:
            raise UserError(
                f"{folder} holds pairs that do not compare: {first.name} and {record.name} differ in "
                f"{', '.join(difference)}; {OWN_FOLDER}, or delete the record that is not wanted"
            )


def set_difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """In what two sets of problems differ, as records hold them; nothing where the problems are the same."""
    if one["sha256"] == other["sha256"]:
        return []
    told = [line for key, name in _SHOWN.items() for line in _differing(name, one[key], other[key])]
    return told or ["the problems' texts or golds"]


def _differing(name: str, one: object, other: object) -> list[str]:
    return [] if one == other else [f"{name}: {one or 'none'} and {other or 'none'}"]


def _endpoints(one: ResultsRecord, other: ResultsRecord) -> list[str]:
    if one.config.get("other_endpoint") or other.config.get("other_endpoint"):
        return []  # the user has said that it is the same model
    told = []
    for first, second in ((one.solver, other.solver), (one.decomposer, other.decomposer)):
        known, now = first.get("served_by", []), second.get("served_by", [])
        if first.get("model") != second.get("model") or not known or not now:
            continue
        if not any(same_endpoint(left, right) for left in known for right in now):
            told.append(f"endpoint of {first['model']}: {known[0]['base_url']} and {now[0]['base_url']}")
    return told
