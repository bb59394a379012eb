"""What a pair has seen of the problems it is scored on; see `records.overlap`.

Compares fingerprints of the problems with the lists of the checkpoints (`trained_problems.json`, their whole chain of
starts) and with the worked examples of the prompts that the pair used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dataset_builder.prompts import Prompt, worked_examples
from dataset_builder.schema.records import Problem
from dataset_builder.solving.records import Solver
from dataset_builder.text.likeness import Fingerprint, KnownProblems, fingerprint
from eval_harness.records.overlap import MOST_NAMED, Overlap, Seen
from eval_harness.records.verdicts import ProblemScore, mean_by_problem
from eval_harness.systems.decomposers import CheckpointDecomposer, Decomposer
from eval_harness.systems.solvers import InProcessSolver


def find_overlap(
    decomposer: Decomposer,
    solver: Solver,
    problems: Sequence[Problem],
    prompts: Iterable[Prompt],
    scores: Sequence[ProblemScore],
) -> Overlap:
    """The overlap of a pair with the problems it was scored on.

    Args:
        decomposer: of the pair.
        solver: of the pair.
        problems: that it was scored on.
        prompts: that it used.
        scores: of all problems and seeds.
    """
    asked = _asked(problems)
    examples = [fingerprint(text) for prompt in prompts for text in worked_examples(prompt.text)]
    (left, left_ids), (right, right_ids) = (_trained(role, asked) for role in (decomposer, solver))
    shown, shown_ids = _seen(asked, examples, [], "")
    ids = {*left_ids, *right_ids, *shown_ids}
    correct = mean_by_problem(scores, correctness=True)
    others = [correct[problem_id] for problem_id in asked if problem_id not in ids]
    return Overlap(left, right, shown, sum(others) / len(others) if ids and others else None)


def seen_by(role: Decomposer | Solver, problems: Sequence[Problem]) -> Seen | None:
    """What one role was trained on, or chosen by, of the problems; None where nothing trained here is asked."""
    return _trained(role, _asked(problems))[0]


def _asked(problems: Sequence[Problem]) -> dict[str, Fingerprint]:
    return {problem.problem_id: fingerprint(problem.problem, problem.passage) for problem in problems}


def _trained(role: Decomposer | Solver, asked: Mapping[str, Fingerprint]) -> tuple[Seen | None, list[str]]:
    known = role.trained if isinstance(role, CheckpointDecomposer | InProcessSolver) else None
    if known is None:
        return None, []
    trained_on, chosen_by = (known.fingerprints(lines) for lines in (known.trained_on, known.chosen_by))
    return _seen(asked, trained_on, chosen_by, known.unknown_start)


def _seen(
    asked: Mapping[str, Fingerprint],
    trained_on: Sequence[Fingerprint],
    chosen_by: Sequence[Fingerprint],
    unknown_start: str,
) -> tuple[Seen, list[str]]:
    """What was seen, and the ids of all problems that were."""
    trained, chosen = KnownProblems(trained_on), KnownProblems(chosen_by)
    hits = {problem_id: trained.find(one) for problem_id, one in asked.items()}
    by_choice = [key for key, one in asked.items() if hits[key] is None and chosen.find(one) == "same"]
    kinds = list(hits.values())
    ids = [key for key, kind in hits.items() if kind] + by_choice
    seen = Seen(kinds.count("same"), kinds.count("near"), len(by_choice), unknown_start, ids[:MOST_NAMED])
    return seen, ids
