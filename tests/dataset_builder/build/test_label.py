"""One raw set becomes a labelled set: verdict, votes and usefulness, worked by hand."""

from __future__ import annotations

import dataclasses

from dataset_builder.build.label import label_set, sub_questions_of_set
from dataset_builder.schema.records import Failure
from tests.support.raw_sets import QUESTIONS, make_problem, make_set


def test_right_answer_with_votes_is_labelled_whole() -> None:
    labelled = label_set(make_set())
    assert labelled.sub_questions == QUESTIONS
    assert labelled.sub_answers == ("Ann has 1+1=2 pens.", "Ann has 2+2=4 pens.")
    assert (labelled.verdict, labelled.answer_correctness, labelled.final_answer) == ("correct", 1, "5")
    assert labelled.votes == ((True, True, True), (True, False, True))
    assert labelled.usefulness == (1.0, 2 / 3)
    assert labelled.failures == ()
    assert (labelled.problem.problem_id, labelled.set_index) == ("made-train-00001", 0)


def test_wrong_answer_counts_zero_and_keeps_what_was_read() -> None:
    labelled = label_set(make_set(final="wrong"))
    assert (labelled.verdict, labelled.answer_correctness, labelled.final_answer) == ("incorrect", 0, "9999")


def test_text_without_the_marker_is_no_answer_and_counts_zero() -> None:
    labelled = label_set(make_set(final="none"))
    assert (labelled.verdict, labelled.answer_correctness, labelled.final_answer) == ("no_answer", 0, None)


def test_rule_decides_what_an_answer_is() -> None:
    assert label_set(make_set(final="none"), "last_number").verdict == "incorrect"


def test_set_never_answered_has_no_correctness_and_says_why() -> None:
    failure = Failure("answer", "timeout", "3 tries")
    labelled = label_set(make_set(final=None, failures=[failure]))
    assert (labelled.verdict, labelled.answer_correctness, labelled.sub_answers) == ("request_failed", None, ())
    assert labelled.failures == (failure,)


def test_missing_answer_without_a_reason_gets_one() -> None:
    assert label_set(make_set(final=None)).failures == (Failure("answer", "missing", "no text was received"),)


def test_unreadable_vote_is_no_vote_and_a_recorded_failure() -> None:
    labelled = label_set(dataclasses.replace(make_set(), feedback_texts=("Q1: Yes\nQ2: No", "I cannot tell.", None)))
    assert labelled.votes == ((True, None, None), (False, None, None))
    assert labelled.usefulness == (1.0, 0.0)
    assert [failure.stage for failure in labelled.failures] == ["feedback"]


def test_only_unreadable_votes_give_no_usefulness() -> None:
    assert label_set(make_set(votes=(None, None))).usefulness == (None, None)


def test_without_feedback_votes_and_usefulness_are_empty() -> None:
    labelled = label_set(make_set(votes=()))
    assert (labelled.votes, labelled.usefulness) == ((), ())


def test_unreadable_questions_give_no_set_but_a_reason() -> None:
    raw = dataclasses.replace(make_set(), questions_text="I would rather not.")
    assert label_set(raw) is None
    assert sub_questions_of_set(raw).stage == "decompose"


def test_questions_that_never_came_keep_the_services_reason() -> None:
    failure = Failure("decompose", "content_filter")
    raw = dataclasses.replace(make_set(failures=[failure]), questions_text=None)
    assert sub_questions_of_set(raw) == failure


def test_gold_answer_comes_from_the_problem_not_the_text() -> None:
    problem = make_problem(1, solution="#### 2,125")
    assert label_set(make_set(dataclasses.replace(problem, gold_answer="2125"))).verdict == "correct"
