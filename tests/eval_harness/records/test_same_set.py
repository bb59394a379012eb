"""One folder, one set of problems: what does not compare is refused in one line that says in what it differs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from eval_harness.records.results import write_record
from eval_harness.records.same_set import check_new_set, check_same_set
from tests.eval_harness.records.test_results import make_record

ONE = make_record()
HERE = {"base_url": "http://a/v1", "says": {"id": "m", "root": "qwen"}}


def served(*endpoints: dict[str, Any], **config: Any) -> Any:
    solver = {"kind": "openai", "label": "m", "model": "m", "served_by": list(endpoints)}
    return make_record(name="none--m", solver=solver, config={"source": "micro_gsm", **config})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": ONE.dataset | {"sha256": "1", "source": "svamp"}}, "source: micro_gsm and svamp"),
        ({"dataset": ONE.dataset | {"sha256": "1", "problems": 4}}, r"problems \(limit\): 10 and 4"),
        ({"dataset": ONE.dataset | {"sha256": "1", "split": ""}}, "split: test and none"),
        ({"dataset": ONE.dataset | {"sha256": "1"}}, "the problems' texts or golds"),
        ({"rule": "flexible"}, "rule: first_marker and flexible"),
        ({"seeds": [0, 1]}, r"seeds: \[0\] and \[0, 1\]"),
    ],
    ids=["source", "limit", "split", "texts", "rule", "seeds"],
)
def test_what_differs_is_refused_by_report_and_by_run(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    other = make_record(name="none--s", **changes)
    with pytest.raises(UserError, match=message) as caught:
        check_same_set([ONE, ONE, other], tmp_path)
    assert "bc--s and none--s" in str(caught.value)
    write_record(ONE, tmp_path / "results" / "bc--s.json")
    with pytest.raises(UserError, match=message):
        check_new_set(tmp_path, other.dataset, other.rule, other.seeds)


def test_the_same_problems_under_another_name_or_folder_are_the_same(tmp_path: Path) -> None:
    moved = make_record(name="none--s", dataset=ONE.dataset | {"source": "/elsewhere/micro_gsm"})
    check_same_set([ONE, moved], tmp_path)
    check_new_set(tmp_path, ONE.dataset, "flexible", [7])
    write_record(moved, tmp_path / "results" / "none--s.json")
    check_new_set(tmp_path, ONE.dataset, ONE.rule, tuple(ONE.seeds))


def test_a_model_of_one_name_at_two_endpoints_is_refused(tmp_path: Path) -> None:
    elsewhere = {"base_url": "http://b/v1", "says": {"id": "m", "root": "llama"}}
    with pytest.raises(UserError, match="endpoint of m: http://a/v1 and http://b/v1"):
        check_same_set([served(HERE), served(elsewhere)], tmp_path)
    check_same_set([served(HERE), served(elsewhere, other_endpoint=True)], tmp_path)
    check_same_set([served(HERE), served(elsewhere, HERE)], tmp_path)
    check_same_set([served(HERE), served(HERE | {"base_url": "http://c/v1"})], tmp_path)  # the same weights
    check_same_set([served(HERE), served()], tmp_path)  # a record of before this was kept
    other_model = dataclasses.replace(served(elsewhere), solver={**served(elsewhere).solver, "model": "n"})
    check_same_set([served(HERE), other_model], tmp_path)
