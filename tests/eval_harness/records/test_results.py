"""A results record is checked when it is written and when it is read."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from eval_harness.records.results import RESULTS_SCHEMA_VERSION, ResultsRecord, load_record, load_records, write_record


def make_record(**changes: Any) -> ResultsRecord:
    values: dict[str, Any] = {
        "schema_version": RESULTS_SCHEMA_VERSION,
        "name": "bc--s",
        "created_at": "2026-01-01T00:00:00+00:00",
        "commit": "c0ffee",
        "dirty": False,
        "packages": {"python": "3.11"},
        "config": {"source": "micro_gsm"},
        "dataset": {"source": "micro_gsm", "split": "test", "problems": 10, "revision": None, "sha256": "0"},
        "decomposer": {"kind": "checkpoint", "label": "bc"},
        "solver": {"kind": "openai", "label": "s"},
        "prompts": {"answer": "answer.v1@0"},
        "stop_strings": ["Problem:"],
        "rule": "first_marker",
        "seeds": [0],
        "n": 10,
        "counts": {"correct": 6, "incorrect": 3, "no_answer": 1, "parse_failure": 0, "request_failed": 0},
        "accuracy": 0.6,
        "mean_score": 0.6,
        "interval": {"low": 0.31, "high": 0.83, "level": 0.95, "method": "wilson"},
        "accuracy_per_seed": {"0": 0.6},
        "usage": {
            role: {"predictions": 10, "prompt_tokens": 90, "completion_tokens": 10, "seconds": 1.0, "cost_usd": None}
            for role in ("decompose", "solve")
        },
        "cut": {"predictions": 0, "characters": 0},
        "wall_s": 1.5,
        "energy_wh": None,
        "quality": {},
        "predictions": {"path": "predictions/bc--s.jsonl", "sha256": "0"},
        "publishable": True,
    }
    return ResultsRecord(**(values | changes))


def test_a_record_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    record = make_record()
    write_record(record, tmp_path / "results" / "bc--s.json")
    assert load_records(tmp_path) == [record]
    assert record.label == "bc"


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(make_record().to_dict() | {"schema_version": "9.0.0"}), encoding="utf-8")
    with pytest.raises(UserError, match=r"schema '9\.0\.0'"):
        load_record(path)


def test_a_record_of_before_overlap_was_looked_at_still_loads() -> None:
    values = make_record().to_dict()
    del values["overlap"], values["own_prompts"], values["machine"]
    record = ResultsRecord.from_dict(values)
    assert (record.overlap, record.own_prompts, record.is_evaluation) == (None, {}, True)
    assert (record.seen_before, record.overlap_told) == ("", [])
    values["decomposer"] |= {"recipe_sha256": "a"}
    record = ResultsRecord.from_dict(values)
    assert record.seen_before == "unknown"
    assert record.overlap_told[0].startswith("It is unknown whether bc was trained on these problems: the record")


def test_every_key_of_the_first_version_is_required() -> None:
    for field in dataclasses.fields(ResultsRecord):
        if field.name in ("overlap", "own_prompts", "machine"):
            continue
        values = make_record().to_dict()
        del values[field.name]
        with pytest.raises(UserError, match=r"missing key|results schema"):
            ResultsRecord.from_dict(values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracy": 0.7}, "6 correct of 10"),
        ({"n": 11}, "sum to n = 11"),
        ({"interval": {"low": 0.7, "high": 0.8}}, "outside its interval"),
        ({"rule": 3}, "rule: Input should be a valid string, found 3"),
        ({"n": True}, "n: Input should be a valid integer, found True"),
        ({"counts": {"correct": 6, "incorrect": 4}}, "counts must hold"),
        (
            {
                "counts": {"correct": 6, "incorrect": 3, "no_answer": 0, "parse_failure": 0, "request_failed": 1},
                "publishable": True,
            },
            "requests failed",
        ),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ResultsRecord.from_dict(make_record().to_dict() | changes)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(UserError, match="unknown key 'acuracy'"):
        ResultsRecord.from_dict(make_record().to_dict() | {"acuracy": 1})


def test_a_folder_without_records_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no results records"):
        load_records(tmp_path)
