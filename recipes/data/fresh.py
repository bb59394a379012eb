"""Problems of the embedded world that nobody has seen, in place of a dataset's rows, for methods that sample.

fresh_problems("micro_gsm:halving", 2400, seed=0)
-> [{"problem_id": "micro_gsm-train-00000", "problem": "Ben has ...", "sub_questions": [...], ...}, ...]
"""

from __future__ import annotations

from typing import Any

from dataset_builder.micro_gsm.problems import generate_problems

FRESH_SEED = 1_000_000
"""Added to a run's seed, so that the problems are none of a dataset that was made with the same seed."""


def fresh_problems(source: str, count: int, seed: int) -> list[dict[str, Any]]:
    """As many rows as of the dataset's `default` config, without what was recorded of them.

    Args:
        source: micro_gsm:SIZE.
        count: how many; none comes twice.
        seed: another one gives other problems.

    Raises:
        UserError: there is no such size.
    """
    problems = generate_problems("train", count, FRESH_SEED + seed, source.partition(":")[2])
    return [
        {
            "problem_id": problem.problem_id,
            "problem": problem.problem,
            "passage": None,
            "gold_answer": problem.gold_answer,
            "sub_questions": list(problem.reference_sub_questions or ()),
        }
        for problem in problems
    ]
