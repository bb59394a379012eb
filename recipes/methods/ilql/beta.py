"""How good a beta is: a sweep over problems, scored by what the dataset recorded about the questions its sets ask.

The quality of a set is the product of its questions' usefulness, as the critic voted on the same question of the same
problem after no more than what the set has asked by then. A question without a vote counts one half; a set that asks
twice, or does not end as a recorded set of the problem ends, counts nothing. So it is an estimate of "every step is
useful, and the last one is the goal".

Source: none; what was tried before stands in the log of the offline RL experiments. The votes favour what the teacher
has shown, and so tend to a smaller beta than a solver would choose.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.load import load_subq
from dataset_builder.text.parsing import readable_sub_questions
from dataset_builder.text.student_format import format_student_prompt
from recipes.methods.ilql.guided_policy import GuidedModel
from recipes.models.policy import Policy

UNKNOWN = 0.5
"""Usefulness of a question without a vote."""


@dataclass
class Recorded:
    """What the dataset says about the sets of one problem."""

    prompt: str
    """What a student reads."""
    votes: dict[str, list[tuple[frozenset[str], float]]] = field(default_factory=dict)
    """question -> (the questions asked before it, usefulness) of each time it was asked."""
    ends: set[str] = field(default_factory=set)
    """The last questions of the recorded sets."""

    def add(self, sub_questions: Sequence[str], usefulness: Sequence[float | None]) -> None:
        """Takes one recorded set in."""
        self.ends.add(sub_questions[-1])
        for index, (question, useful) in enumerate(zip(sub_questions, usefulness, strict=True)):
            if useful is not None:
                self.votes.setdefault(question, []).append((frozenset(sub_questions[:index]), useful))

    def quality(self, sub_questions: Sequence[str]) -> float:
        """How likely it is that all these questions are useful and the set is complete, in [0, 1].

        >>> recorded = Recorded("")
        >>> recorded.add(["a", "goal"], [1.0, 0.5])
        >>> recorded.quality(["a", "goal"]), recorded.quality(["goal"]), recorded.quality(["a", "a", "goal"])
        (0.5, 0.5, 0.0)
        """
        if not sub_questions or sub_questions[-1] not in self.ends:
            return 0.0
        product, asked = 1.0, set[str]()
        for question in sub_questions:
            if question in asked:
                return 0.0
            known = [useful for before, useful in self.votes.get(question, []) if before <= asked]
            product *= sum(known) / len(known) if known else UNKNOWN
            asked.add(question)
        return product


def recorded_feedback(
    dataset: str, problems: int, *, revision: str = "", votes_needed: bool = True
) -> dict[str, Recorded]:
    """problem_id -> what was recorded, for the first `problems` of the validation split.

    Args:
        dataset: folder or Hub id.
        problems: how many are read.
        revision: tag or commit on the Hub; empty: the newest.
        votes_needed: refuse a dataset without feedback.

    Raises:
        UserError: there is no validation split, or no set in it has feedback and `votes_needed`.
    """
    recorded_of: dict[str, Recorded] = {}
    for row in load_subq("default", "validation", dataset, revision or None):
        key = row["problem_id"]
        if key not in recorded_of and len(recorded_of) == problems:
            continue
        recorded = recorded_of.setdefault(key, Recorded(format_student_prompt(row["problem"], row["passage"] or "")))
        if row["sub_questions"]:
            recorded.add(row["sub_questions"], row["usefulness"] or [None] * len(row["sub_questions"]))
    if votes_needed and not any(recorded.votes for recorded in recorded_of.values()):
        raise UserError(f"no validation set of {dataset} has feedback; generate it with votes, and build again")
    return recorded_of


def mean_quality(recorded: Mapping[str, Recorded], texts: Sequence[str]) -> float:
    """Mean quality, by the recorded votes, of a completion of each problem."""
    pairs = zip(recorded.values(), texts, strict=True)
    return fmean(problem.quality(readable_sub_questions(text)) for problem, text in pairs)


def sweep_beta(
    policy: Policy,
    prompts: Sequence[str],
    score: Callable[[Sequence[str]], float],
    betas: Sequence[float],
    **complete: int,
) -> dict[float, float]:
    """beta -> the score of the greedy completions under it; the policy itself stays as it is.

    Args:
        policy: a guided one.
        prompts: what it completes.
        score: completions, one per prompt -> how good they are.
        betas: what to try.
        **complete: further settings of `Policy.complete`.
    """
    model, qualities = policy.model, dict[float, float]()
    assert isinstance(model, GuidedModel)
    for beta in betas:
        guided = dataclasses.replace(policy, model=model.with_beta(beta))
        texts = guided.complete(prompts, label=f"beta {beta:g}", **complete)
        qualities[beta] = round(score(texts), 4)
    return qualities


def best_beta(qualities: Mapping[float, float]) -> float:
    """The beta of the highest quality; of equals the first."""
    return max(qualities, key=lambda beta: qualities[beta])
