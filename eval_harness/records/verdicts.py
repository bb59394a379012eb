"""The verdict on each prediction, one per line of `verdicts/<pair>.jsonl`:

{"problem_id": "gsm8k-test-00001", "seed": 0, "verdict": "correct", "extracted": "3", "score": 1.0,
 "explanation": "read 3 after 'Final answer:'; the gold answer is 3"}
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.files import write_jsonl
from dataset_builder.schema.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class ProblemScore:
    """The verdict on one prediction, with the text it was read from and why."""

    problem_id: str
    """The problem that was asked."""
    seed: int
    """The run it belongs to: one prediction per problem and seed."""
    verdict: Verdict
    """correct, incorrect, no_answer, parse_failure or request_failed."""
    extracted: str | None
    """The answer that was read; None where none was."""
    explanation: str
    """Why, in one line."""
    score: float
    """0 or 1; the F1 where answers are spans."""


def write_verdicts(path: Path, scores: Sequence[ProblemScore]) -> None:
    """Writes one JSON object a line."""
    write_jsonl(path, map(dataclasses.asdict, scores))


def mean_by_problem(scores: Sequence[ProblemScore], *, correctness: bool = False) -> dict[str, float]:
    """problem_id -> mean over seeds of the score, or of whether the verdict is `correct`."""
    sums: dict[str, float] = {}
    times: Counter[str] = Counter()
    for score in scores:
        value = float(score.verdict == "correct") if correctness else score.score
        sums[score.problem_id] = sums.get(score.problem_id, 0.0) + value
        times[score.problem_id] += 1
    return {problem_id: total / times[problem_id] for problem_id, total in sums.items()}
