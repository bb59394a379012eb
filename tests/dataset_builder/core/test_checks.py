"""A record's faults are named by their key, in one line that says what to do."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dataset_builder.core.checks import record_from_json
from dataset_builder.core.errors import UserError


@dataclass(frozen=True)
class Record:
    n: int
    parts: list[list[float]]
    note: str | None
    energy: float | None = None
    """Added later: older files lack it."""


GOOD = {"n": 3, "parts": [[0.5, 1]], "note": None}


def test_a_good_record_is_read_with_and_without_what_was_added_later() -> None:
    assert record_from_json(Record, GOOD, "a.json", "score again") == Record(3, [[0.5, 1]], None)
    assert record_from_json(Record, GOOD | {"energy": 2.5}, "a.json", "score again").energy == 2.5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "a.json: expected a JSON object, found list; score again"),
        ({"n": 3, "note": None}, "a.json: missing key 'parts'; score again"),
        (GOOD | {"nn": 1}, "a.json: unknown key 'nn'; score again"),
        (GOOD | {"n": "3"}, "a.json: n: .*, found '3'; score again"),
        (GOOD | {"parts": [[0.5, "x"]]}, r"a.json: parts\.0\.1: .*, found 'x'; score again"),
    ],
)
def test_a_fault_is_named(values: object, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}$"):
        record_from_json(Record, values, "a.json", "score again")
