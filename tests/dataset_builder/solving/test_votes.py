"""A feedback model's votes: each a request of its own, averaged question by question, a failure told."""

from __future__ import annotations

import pytest

from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.schema.records import Failure
from dataset_builder.solving.records import CompletionRequest, Reply
from dataset_builder.solving.votes import Judged, usefulness_of_sets
from tests.support.scripted_solver import ScriptedSolver

PROBLEMS = generate_problems("train", 2, seed=0)
SETS = [("How many pens?", "What do they cost?"), ("How much?",)]


def test_usefulness_is_the_share_of_readable_votes_that_say_yes() -> None:
    def vote(request: CompletionRequest) -> str:
        return ["Q1: Yes\nQ2: No", "Q1: Yes\nQ2: Yes", "nothing to read"][request.sample_index]

    critic = ScriptedSolver(vote)
    (judged,) = usefulness_of_sets(critic, PROBLEMS[:1], SETS[:1], votes=3)
    assert judged == Judged((1.0, 0.5))
    assert judged.mean == 0.75
    assert [request.sample_index for request in critic.asked] == [0, 1, 2]
    assert critic.asked[0].text.rstrip().endswith("Verdicts:")


def test_a_set_of_which_no_vote_can_be_read_has_no_usefulness() -> None:
    judged = usefulness_of_sets(ScriptedSolver(lambda request: "?"), PROBLEMS, SETS, votes=1)
    assert [item.mean for item in judged] == [None, None]
    assert [len(item.usefulness) for item in judged] == [2, 1]


def test_a_failed_request_is_told_of_its_own_set_alone() -> None:
    class Failing(ScriptedSolver):
        def complete(self, requests: list[CompletionRequest]) -> list[Reply]:  # type: ignore[override]
            return [Reply("Q1: Yes\nQ2: Yes"), Reply(failure=Failure("answer", "timeout"))]

    first, second = usefulness_of_sets(Failing(lambda request: ""), PROBLEMS, SETS, votes=1)
    assert first.mean == pytest.approx(1.0)
    assert second.failure == Failure("answer", "timeout")
    assert second.mean is None
