"""What a sample earns: parts by name, nothing for what cannot be read, and no reward at all where nobody answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.micro_gsm.replies import MicroGsmSolver
from dataset_builder.schema.records import Failure
from dataset_builder.solving.records import CompletionRequest, Reply
from dataset_builder.text.student_format import format_student_completion
from recipes.config.settings import GrpoSettings
from recipes.methods.online.rewards import NotAnswered, Reward, Sample, part_names
from tests.support.scripted_solver import ScriptedSolver

(PROBLEM,) = generate_problems("train", 1, seed=3)
TEXT = format_student_completion(PROBLEM.reference_sub_questions or ())


def answering(text: str) -> ScriptedSolver:
    return ScriptedSolver(lambda request: text)


RIGHT, WRONG = f"Final answer: {PROBLEM.gold_answer}", "Final answer: -1"


class Failing(ScriptedSolver):
    """Answers the first request alone."""

    def complete(self, requests: list[CompletionRequest]) -> list[Reply]:  # type: ignore[override]
        failed = Reply(failure=Failure("answer", "timeout", "no answer in 3 s"))
        return [*super().complete(requests[:1]), *(failed for _ in requests[1:])]


@pytest.mark.parametrize(("text", "outcome"), [(RIGHT, 1.0), (WRONG, 0.0)])
def test_a_readable_set_earns_the_solvers_verdict(text: str, outcome: float) -> None:
    (earned,) = Reward(GrpoSettings(), answering(text))([Sample(PROBLEM, TEXT, True)])
    assert (earned.parts, earned.readable) == ({"solver": outcome}, True)


@pytest.mark.parametrize(
    "sample",
    [
        Sample(PROBLEM, "no question at all", True),
        Sample(PROBLEM, "", True),
        Sample(PROBLEM, "None needed.", True),
        Sample(PROBLEM, " <QUE> How many", True),
        Sample(PROBLEM, TEXT, False),
    ],
    ids=["stray", "empty", "none_needed", "unclosed", "unended"],
)
def test_what_cannot_be_read_or_never_ended_earns_nothing_and_is_not_asked(sample: Sample) -> None:
    solver = answering(RIGHT)
    (earned,) = Reward(GrpoSettings(question_cost=0.1), solver)([sample])
    assert (earned.parts, earned.readable) == ({"solver": 0.0, "questions": 0.0}, False)
    assert solver.asked == []


def test_a_cost_takes_at_most_what_a_set_has_earned() -> None:
    count = len(PROBLEM.reference_sub_questions or ())
    settings = GrpoSettings(question_cost=0.1)
    (right,), (wrong,) = (Reward(settings, answering(text))([Sample(PROBLEM, TEXT, True)]) for text in (RIGHT, WRONG))
    assert right.total == pytest.approx(1 - 0.1 * count)
    assert wrong.total == 0.0


@pytest.mark.parametrize(
    ("votes", "part"), [("Yes", 0.5), ("No", 0.0), ("I cannot say", 0.25)], ids=["yes", "no", "unreadable"]
)
def test_votes_add_their_share_and_half_of_it_where_none_can_be_read(votes: str, part: float) -> None:
    def critic(request: CompletionRequest) -> str:
        return "\n".join(f"Q{k + 1}: {votes}" for k in range(len(PROBLEM.reference_sub_questions or ())))

    settings = GrpoSettings(vote_weight=0.5, feedback_model="openai:critic", votes=2)
    asked = ScriptedSolver(critic)
    (earned,) = Reward(settings, answering(WRONG), asked)([Sample(PROBLEM, TEXT, True)])
    assert earned.parts == {"solver": 0.0, "votes": part}
    assert [request.sample_index for request in asked.asked] == [0, 1]
    assert part_names(settings) == ("solver", "votes")


@pytest.mark.parametrize("who", ["solver", "critic"])
def test_a_failed_request_is_no_reward_but_stops_the_run_with_its_words(who: str) -> None:
    failing = Failing(lambda request: RIGHT)
    settings = GrpoSettings(vote_weight=0.5, feedback_model="openai:critic", votes=2)
    reward = Reward(settings, *((failing, answering("Q1: Yes")) if who == "solver" else (answering(RIGHT), failing)))
    with pytest.raises(NotAnswered, match="of 2 samples got no reward"):
        reward([Sample(PROBLEM, TEXT, True), Sample(PROBLEM, " <QUE> How many? </QUE>", True)])


def test_the_embedded_solver_and_critic_prefer_the_reference() -> None:
    settings = GrpoSettings(vote_weight=1.0, feedback_model="micro_gsm")
    reward = Reward(settings, MicroGsmSolver(), MicroGsmSolver())
    problems = generate_problems("train", 30, seed=1)

    def mean(write: Callable[[tuple[str, ...]], tuple[str, ...]]) -> float:
        sets = [format_student_completion(write(problem.reference_sub_questions or ())) for problem in problems]
        earned = reward([Sample(problem, text, True) for problem, text in zip(problems, sets, strict=True)])
        return sum(item.total for item in earned) / len(earned)

    assert mean(lambda whole: whole) > mean(lambda whole: whole[-1:]) + 0.5
