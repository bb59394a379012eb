"""The key of a request covers everything that shapes the reply."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest

from dataset_builder.llm.request import Request

REQUEST = Request("answer", "m", ({"role": "user", "content": "héllo"},), {"temperature": 0.7}, "p1", 2)


def test_key_is_the_hash_of_the_canonical_json_of_every_field() -> None:
    fields = dataclasses.asdict(REQUEST)
    canonical = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert REQUEST.key == hashlib.sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"task": "decompose"},
        {"model": "m2"},
        {"messages": ({"role": "system", "content": "be brief"}, {"role": "user", "content": "héllo"})},
        {"decoding": {"temperature": 0.8}},
        {"problem_id": "p2"},
        {"sample_index": 3},
    ],
    ids=str,
)
def test_a_change_of_any_field_is_another_request(change: dict) -> None:
    assert dataclasses.replace(REQUEST, **change).key != REQUEST.key
