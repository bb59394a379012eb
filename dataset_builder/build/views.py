"""The rows of every config of the published dataset, each a pure function of labelled sets.

    default, raw              one row per set; one row per problem in the published raw form
    prompt_completion         student text of a set (TRL's SFT); choosing only correct sets is the recipe's business
    preference                pairs of sets of one problem (TRL's DPO), see `preference_rows`
    unpaired_preference       student text with a label (TRL's KTO): true when the final answer is right
    trajectories              sub-questions as steps with a reward each, and the final reward (offline RL)
    solver                    problem and sub-questions -> sub-answers and final answer (solver distillation)
    reference                 human sub-questions, where the source has them

A set that lacks what a view needs (never answered, unreadable sub-answers, a step without a readable vote) has no row
in that view. Column names are TRL's: `prompt`, `completion`, `chosen`, `rejected`, `label`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from dataset_builder.schema.records import LabelledSet, Problem, Provenance, RawSet
from dataset_builder.text.question_quality import mean_usefulness
from dataset_builder.text.student_format import (
    format_solver_completion,
    format_solver_prompt,
    format_student_completion,
    format_student_prompt,
)

Row = dict[str, Any]

# With three votes per sub-question, a quarter is more than one changed vote in any set of two or more sub-questions.
USEFULNESS_MARGIN = 0.25
# Three sets give at most three pairs; with more sets, no problem outweighs the others by the square of their number.
MAX_PAIRS_PER_PROBLEM = 3


def default_row(labelled: LabelledSet) -> Row:
    """One set with everything known about it."""
    problem = labelled.problem
    return _ids(labelled) | {
        "problem": problem.problem,
        "passage": problem.passage,
        "sub_questions": list(labelled.sub_questions),
        "sub_answers": list(labelled.sub_answers),
        "final_answer": labelled.final_answer,
        "gold_answer": problem.gold_answer,
        "verdict": labelled.verdict,
        "answer_correctness": labelled.answer_correctness,
        "votes": [list(votes) for votes in labelled.votes],
        "usefulness": list(labelled.usefulness),
        "failures": [asdict(failure) for failure in labelled.failures],
        "provenance": _provenance(labelled.provenance),
    }


def raw_row(raw_sets: Sequence[RawSet]) -> Row:
    """One problem with the texts of all its sets, in the published raw form; a text that never came is empty."""
    problem = raw_sets[0].problem
    return {
        "problem": problem.problem,
        "questions": [raw.questions_text or "" for raw in raw_sets],
        "answers": [raw.answers_text or "" for raw in raw_sets],
        "feedback": [[text or "" for text in raw.feedback_texts] for raw in raw_sets if raw.feedback_texts],
        "answer": problem.solution or f"#### {problem.gold_answer}",
    }


def prompt_completion_row(labelled: LabelledSet) -> Row:
    """The student's text of one set."""
    return _ids(labelled) | _student_text(labelled) | {"answer_correctness": labelled.answer_correctness}


def unpaired_preference_row(labelled: LabelledSet) -> Row | None:
    """The student's text with a label: whether the final answer was right; None for a set never answered."""
    if labelled.answer_correctness is None:
        return None
    return _ids(labelled) | _student_text(labelled) | {"label": labelled.answer_correctness == 1}


def trajectory_row(labelled: LabelledSet) -> Row | None:
    """Steps with their rewards; None unless the set was answered and every step has a readable vote."""
    rewards = labelled.usefulness
    if not rewards or None in rewards or labelled.answer_correctness is None:
        return None
    return _ids(labelled) | {
        "prompt": format_student_prompt(labelled.problem.problem, labelled.problem.passage),
        "steps": list(labelled.sub_questions),
        "step_rewards": list(rewards),
        "final_reward": float(labelled.answer_correctness),
    }


def solver_row(labelled: LabelledSet) -> Row | None:
    """The student solver's text; None unless every sub-question has its answer and there is a final one."""
    if not labelled.sub_answers or labelled.final_answer is None:
        return None
    problem = labelled.problem
    return _ids(labelled) | {
        "prompt": format_solver_prompt(problem.problem, labelled.sub_questions, problem.passage),
        "completion": format_solver_completion(labelled.sub_answers, labelled.final_answer),
        "answer_correctness": labelled.answer_correctness,
        "gold_answer": problem.gold_answer,
    }


SET_VIEWS: dict[str, Callable[[LabelledSet], Row | None]] = {
    "default": default_row,
    "prompt_completion": prompt_completion_row,
    "unpaired_preference": unpaired_preference_row,
    "trajectories": trajectory_row,
    "solver": solver_row,
}
"""The configs that a set has one row in, or none."""


def reference_row(problem: Problem) -> Row | None:
    """The human decomposition of a problem; None where the source has none."""
    if not problem.reference_sub_questions:
        return None
    return {
        "problem_id": problem.problem_id,
        "problem": problem.problem,
        "sub_questions": list(problem.reference_sub_questions),
        "sub_answers": list(problem.reference_sub_answers),
        "gold_answer": problem.gold_answer,
    }


def preference_rows(
    labelled_sets: Sequence[LabelledSet], *, margin: float = USEFULNESS_MARGIN, max_pairs: int = MAX_PAIRS_PER_PROBLEM
) -> list[Row]:
    """Pairs of answered sets of one problem, best founded first.

    1. "correct_over_incorrect": a set with the right final answer over one with a wrong one, whatever the votes say.
    2. "more_useful": of two sets that are both right or both wrong, the one whose mean usefulness is higher by at
       least `margin`; a set without any readable vote is in no such pair.

    Sets that read the same are never paired. Within a reason the larger difference in mean usefulness comes first,
    then the lower set indices; at most `max_pairs` are kept.
    """
    pairs = []
    for first, second in itertools.combinations(labelled_sets, 2):
        pair = _compare(first, second, margin)
        if pair is not None:
            pairs.append(pair)
    pairs.sort(key=lambda pair: pair[:2])
    return [_preference_row(chosen, rejected, reason) for reason, _, chosen, rejected in pairs[:max_pairs]]


def _compare(
    first: LabelledSet, second: LabelledSet, margin: float
) -> tuple[str, float, LabelledSet, LabelledSet] | None:
    """(reason, minus the lead in mean usefulness, chosen, rejected); the reasons sort by their strength."""
    if None in (first.answer_correctness, second.answer_correctness):
        return None
    if format_student_completion(first.sub_questions) == format_student_completion(second.sub_questions):
        return None
    means = mean_usefulness(first.usefulness), mean_usefulness(second.usefulness)
    lead = 0.0 if means[0] is None or means[1] is None else means[0] - means[1]
    if first.answer_correctness != second.answer_correctness:
        reason, first_is_better = "correct_over_incorrect", bool(first.answer_correctness)
    elif lead == 0 or abs(lead) < margin - 1e-9:  # thirds do not add up exactly
        return None
    else:
        reason, first_is_better = "more_useful", lead > 0
    return (reason, -lead, first, second) if first_is_better else (reason, lead, second, first)


def _preference_row(chosen: LabelledSet, rejected: LabelledSet, reason: str) -> Row:
    text = _student_text(chosen)
    return {
        "problem_id": chosen.problem.problem_id,
        "prompt": text["prompt"],
        "chosen": text["completion"],
        "rejected": format_student_completion(rejected.sub_questions),
        "reason": reason,
    }


def _ids(labelled: LabelledSet) -> Row:
    return {"problem_id": labelled.problem.problem_id, "set_index": labelled.set_index}


def _student_text(labelled: LabelledSet) -> Row:
    return {
        "prompt": format_student_prompt(labelled.problem.problem, labelled.problem.passage),
        "completion": format_student_completion(labelled.sub_questions),
    }


def _provenance(provenance: Provenance) -> Row:
    values = asdict(provenance)
    prompts = values.pop("prompts")
    return values | {f"{stage}_prompt": prompts.get(stage, "") for stage in ("decompose", "answer", "feedback")}
