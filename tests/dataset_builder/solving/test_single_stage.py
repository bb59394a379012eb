"""Single-stage prompts and votes: one request per problem, no sub-questions."""

from __future__ import annotations

import pytest

from dataset_builder.answers.kinds.number import NUMBER
from dataset_builder.answers.kinds.text import TEXT
from dataset_builder.prompts import load_prompt
from dataset_builder.schema.records import Problem
from dataset_builder.solving.records import CompletionRequest, Decomposition, Reply, Usage
from dataset_builder.solving.single_stage import SINGLE_STAGE, majority, prompts_used
from dataset_builder.solving.solve import answer_problems
from dataset_builder.solving.texts import ANSWER_PROMPT
from dataset_builder.text.problem_text import problem_text
from tests.support.scripted_solver import ScriptedSolver


@pytest.fixture
def problems() -> list[Problem]:
    return [Problem(f"p-{index}", f"How many are {index}?", "5", "made") for index in range(3)]


@pytest.mark.parametrize("style", ["none", "direct", "cot_zero_shot", "cot_few_shot"])
def test_every_single_stage_prompt_shows_the_problem_and_ends_with_its_cue(
    style: str, problems: list[Problem]
) -> None:
    solver = ScriptedSolver(lambda question: "Final answer: 5")
    answer_problems(solver, problems[:1], [Decomposition(none_needed=True)], style, 0)
    text = solver.asked[0].text
    assert text.partition(problems[0].problem)[2].strip() in ("Answer:", "Solution:")
    assert "Q1:" not in text.rpartition("Problem:")[2]


@pytest.mark.parametrize("form", ["", "_words"])
def test_the_plan_free_row_sees_the_same_worked_examples_as_the_answer_prompt(form: str) -> None:
    names = (ANSWER_PROMPT, SINGLE_STAGE["none"])
    answer, plan_free = (load_prompt(name.replace(".", f"{form}.")).text for name in names)
    examples = [line for line in answer.splitlines() if line.startswith("Problem: ") and "{" not in line]
    assert examples
    assert all(line in plan_free for line in examples)
    steps = [line.partition(": ")[2] for line in answer.splitlines() if line.startswith("A") and line[1:2].isdigit()]
    assert all(step in plan_free for step in steps)


def test_self_ask_answers_each_follow_up_before_the_next(problems: list[Problem]) -> None:
    def reply(question: CompletionRequest) -> str:
        item = question.text.rpartition("Next:")[2]
        if item.endswith("Intermediate answer:"):
            return "It is 5." if item.count("Follow up:") == 1 else "Still 5."
        return "Final answer: 5" if item.count("Follow up:") == 2 else "Follow up: How many?"

    solver = ScriptedSolver(reply)
    (answered,) = answer_problems(solver, problems[:1], [Decomposition(none_needed=True)], "self_ask", 0)
    assert answered.text == (
        "Follow up: How many?\nIntermediate answer: It is 5.\n"
        "Follow up: How many?\nIntermediate answer: Still 5.\nFinal answer: 5"
    )
    assert len(solver.asked) == 5
    assert answered.usage.prompt_tokens == 50


def test_self_ask_that_never_ends_is_stopped(problems: list[Problem]) -> None:
    solver = ScriptedSolver(lambda question: "Follow up: And then?")
    (answered,) = answer_problems(solver, problems[:1], [Decomposition(none_needed=True)], "self_ask", 0)
    assert len(solver.asked) == 2 * 8 + 1
    assert answered.failure is None


def test_a_vote_takes_the_most_frequent_answer_and_pays_for_all_samples() -> None:
    texts = ["Final answer: 4", "Final answer: 5", None, "So Final answer: 5"]
    voted = majority([Reply(text, usage=Usage(10, 1, 0.0, 1.0)) for text in texts], NUMBER, "first_marker")
    assert voted.text == "Final answer: 5"
    assert voted.usage == Usage(40, 4, 0.0, 4.0)


def test_a_vote_reads_by_the_rule_that_grades(problems: list[Problem]) -> None:
    texts = ["The answer is 5", "So 5 pens.", "Final answer: 7"]
    assert majority([Reply(text) for text in texts], NUMBER, "flexible").text == "The answer is 5"
    assert majority([Reply(text) for text in texts], NUMBER, "first_marker").text == "Final answer: 7"
    for rule, voted in (("flexible", texts[0]), ("first_marker", texts[2])):
        solver = ScriptedSolver(lambda question: texts[question.sample_index])
        needs_none = [Decomposition(none_needed=True)]
        (reply,) = answer_problems(solver, problems[:1], needs_none, "direct@3", 0, rule=rule)
        assert reply.text == voted


def test_a_vote_asks_k_different_samples(problems: list[Problem]) -> None:
    solver = ScriptedSolver(lambda question: f"Final answer: {question.sample_index}")
    answer_problems(solver, problems[:2], [Decomposition(none_needed=True)] * 2, "cot_zero_shot@3", 1)
    assert [question.sample_index for question in solver.asked] == [3, 4, 5, 3, 4, 5]


WORD_PROBLEM = Problem("d-0", "Who won?", "A", "drop", "test", "spans", passage="A beat B.")


@pytest.mark.parametrize("style", sorted(SINGLE_STAGE))
def test_an_answer_in_words_is_never_asked_for_as_a_number(style: str, problems: list[Problem]) -> None:
    solver = ScriptedSolver(lambda question: "Final answer: A")
    answer_problems(solver, [WORD_PROBLEM, problems[0]], [Decomposition(none_needed=True)] * 2, style, 0)
    answer_problems(solver, [WORD_PROBLEM], [Decomposition(("Who beat whom?",))], style, 0)
    for question in solver.asked:
        assert ("the one number" in question.text) == (question.problem_id == problems[0].problem_id)
        assert problem_text(WORD_PROBLEM) in question.text or question.problem_id != "d-0"


def test_the_record_names_the_prompts_of_every_kind_of_answer(problems: list[Problem]) -> None:
    assert set(prompts_used("direct", problems)) == {"answer", "single_stage"}
    both = prompts_used("direct", [WORD_PROBLEM, *problems])
    assert set(both) == {"answer", "single_stage", "answer_words", "single_stage_words"}
    assert both["single_stage_words"].reference.startswith("direct_words.v1@")


def test_a_vote_over_words_counts_equal_words() -> None:
    texts = ["Final answer: Ann Lee", "Final answer: Bo", "So.\n\nFinal answer: ann  lee."]
    assert majority([Reply(text) for text in texts], TEXT, "first_marker").text == "Final answer: Ann Lee"
