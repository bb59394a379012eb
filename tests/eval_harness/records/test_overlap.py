"""What was seen before is said in words that cannot be missed, and makes a score no evaluation."""

from __future__ import annotations

import dataclasses

import pytest

from eval_harness.records.overlap import Overlap, Seen
from eval_harness.records.results import ResultsRecord
from tests.eval_harness.records.test_results import make_record

NOTHING = Seen(0, 0, 0, "", [])
CLEAN = Overlap(NOTHING, None, NOTHING, None)


def overlap(**roles: Seen | float | None) -> Overlap:
    return dataclasses.replace(CLEAN, **roles)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "cell", "sentences"),
    [
        (CLEAN, "", []),
        (
            overlap(decomposer=Seen(12, 0, 0, "", ["p"]), accuracy_elsewhere=0.5),
            "12 trained on",
            [
                "bc was trained on 12 of the 300 problems.",
                "On the others bc with m has 50.0 %.",
            ],
        ),
        (
            overlap(decomposer=Seen(12, 3, 0, "", ["p"])),
            "12 trained on, 3 alike",
            ["bc was trained on 12 of the 300 problems, and 3 more in nearly the same words."],
        ),
        (
            overlap(solver=Seen(0, 1, 0, "", ["p"])),
            "1 alike",
            ["m was trained on 1 of the 300 problems in nearly the same words."],
        ),
        (
            overlap(decomposer=Seen(0, 0, 8, "", ["p"])),
            "8 chosen by",
            ["bc was chosen by its score on 8 of the 300 problems."],
        ),
        (
            overlap(decomposer=Seen(300, 0, 0, "", ["p"])),
            "300 trained on",
            ["bc was trained on 300 of the 300 problems, so this is no test of it."],
        ),
        (
            overlap(prompts=Seen(1, 0, 0, "", ["p"])),
            "1 in a prompt",
            ["A prompt of bc with m shows 1 of the 300 problems solved."],
        ),
        (
            overlap(decomposer=Seen(0, 0, 0, "bc", [])),
            "unknown",
            ["It is unknown whether bc was trained on these problems: it has no list of its problems."],
        ),
        (
            overlap(decomposer=Seen(2, 0, 0, "old", ["p"])),
            "2 trained on, unknown",
            [
                "bc was trained on 2 of the 300 problems.",
                "It is unknown whether bc was trained on these problems: old, which it starts from, has no list of "
                "its problems.",
            ],
        ),
    ],
)
def test_overlap_in_words(found: Overlap, cell: str, sentences: list[str]) -> None:
    assert found.cell == cell
    assert found.sentences("bc", "m", 300) == sentences


def test_a_score_on_seen_problems_is_no_evaluation_and_an_unknown_one_is_not_refused() -> None:
    for role in ("decomposer", "solver", "prompts"):
        for seen in (Seen(1, 0, 0, "", []), Seen(0, 1, 0, "", []), Seen(0, 0, 1, "", [])):
            assert not make_record(overlap=overlap(**{role: seen})).is_evaluation
    unknown = overlap(decomposer=Seen(0, 0, 0, "old", []))
    assert unknown.unknown
    assert make_record(overlap=unknown).is_evaluation
    assert not CLEAN.unknown


def test_overlap_comes_back_from_json() -> None:
    record = make_record(overlap=overlap(solver=Seen(1, 2, 3, "x", ["p-1"]), accuracy_elsewhere=0.25))
    assert ResultsRecord.from_dict(record.to_dict()) == record
