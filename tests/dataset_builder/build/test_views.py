"""The rows of each config, from labelled sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from dataset_builder.build import views
from dataset_builder.build.label import label_set
from dataset_builder.schema.columns import features
from dataset_builder.schema.records import LabelledSet
from dataset_builder.text.parsing import parse_delimited
from tests.support.raw_sets import QUESTIONS, make_problem, make_set


def labelled(**given: Any) -> LabelledSet:
    return label_set(make_set(**given))


def test_every_view_has_exactly_the_schemas_columns() -> None:
    first, second = labelled(), labelled(set_index=1, final="wrong", questions=QUESTIONS[1:], votes=("Y",))
    problem = make_problem(reference_sub_questions=("How many?",), reference_sub_answers=("5",))
    rows = {
        "default": views.default_row(first),
        "raw": views.raw_row([make_set()]),
        "prompt_completion": views.prompt_completion_row(first),
        "preference": views.preference_rows([first, second])[0],
        "unpaired_preference": views.unpaired_preference_row(first),
        "trajectories": views.trajectory_row(first),
        "solver": views.solver_row(first),
        "reference": views.reference_row(problem),
    }
    for config, row in rows.items():
        assert list(row) == list(features(config)), config
        features(config).encode_example(row)


def test_completion_reads_back_as_the_sub_questions() -> None:
    row = views.prompt_completion_row(labelled())
    assert row["prompt"].endswith("?\n")
    assert parse_delimited(row["completion"]) == QUESTIONS


def test_correct_set_is_chosen_over_incorrect_whatever_the_votes() -> None:
    right = labelled(votes=("NN", "NN"))
    wrong = labelled(set_index=1, final="wrong", questions=QUESTIONS[1:], votes=("Y", "Y"))
    (pair,) = views.preference_rows([wrong, right])
    assert pair["reason"] == "correct_over_incorrect"
    assert parse_delimited(pair["chosen"]) == QUESTIONS


def test_equally_right_sets_pair_by_usefulness_only_beyond_the_margin() -> None:
    high = labelled(votes=("YY", "YY"))
    low = labelled(set_index=1, questions=("How many pens?", QUESTIONS[1]), votes=("YN", "YY"))  # 1.0 against 0.75
    (pair,) = views.preference_rows([low, high], margin=0.25)
    assert pair["reason"] == "more_useful"
    assert parse_delimited(pair["chosen"]) == QUESTIONS
    assert views.preference_rows([low, high], margin=0.26) == []


def test_sets_that_read_the_same_are_never_a_pair() -> None:
    assert views.preference_rows([labelled(), labelled(set_index=1, final="wrong")]) == []


def test_sets_without_votes_pair_by_correctness_alone() -> None:
    right, right_too = labelled(votes=()), labelled(set_index=2, votes=(), questions=("How many pens?",))
    wrong = labelled(set_index=1, final="wrong", votes=(), questions=QUESTIONS[1:])
    reasons = [pair["reason"] for pair in views.preference_rows([right, wrong, right_too])]
    assert reasons == ["correct_over_incorrect", "correct_over_incorrect"]


def test_pairs_per_problem_are_capped_best_founded_first() -> None:
    sets = [labelled(set_index=i, questions=(f"How many pens, try {i}?",), votes=("Y",)) for i in range(3)]
    sets += [labelled(set_index=3, questions=("What colour?",), votes=("N",))]
    sets += [labelled(set_index=4, questions=("Why?",), votes=("N",), final="wrong")]
    reasons = [pair["reason"] for pair in views.preference_rows(sets, max_pairs=5)]
    assert reasons == ["correct_over_incorrect"] * 4 + ["more_useful"]


def test_set_never_answered_is_in_no_pair_label_or_trajectory() -> None:
    lost = labelled(final=None)
    assert views.preference_rows([lost, labelled(set_index=1, questions=QUESTIONS[1:], votes=("Y",))]) == []
    assert views.unpaired_preference_row(lost) is None
    assert views.trajectory_row(lost) is None
    assert views.solver_row(lost) is None


@pytest.mark.parametrize("votes", [(), (None,)])
def test_trajectory_needs_a_readable_vote_for_every_step(votes: Sequence[str | None]) -> None:
    assert views.trajectory_row(labelled(votes=votes)) is None


def test_trajectory_rewards_each_step_and_the_end() -> None:
    row = views.trajectory_row(labelled(final="wrong"))
    assert row["steps"] == list(QUESTIONS)
    assert row["step_rewards"] == [1.0, 2 / 3]
    assert row["final_reward"] == 0.0


def test_solver_text_ends_with_the_final_answer_after_the_cue() -> None:
    row = views.solver_row(labelled())
    assert row["prompt"].endswith(f"\n\nQ1: {QUESTIONS[0]}\nQ2: {QUESTIONS[1]}\n\nAnswers:")
    assert row["completion"].endswith("\n\nFinal answer: 5")


def test_passage_comes_before_the_problem() -> None:
    row = views.prompt_completion_row(labelled(problem=make_problem(passage="A passage.")))
    assert row["prompt"].startswith("A passage.\nAnn has")


def test_raw_row_without_a_solution_carries_the_gold_behind_hashes() -> None:
    problem = dataclasses.replace(make_problem(), solution="")
    row = views.raw_row([make_set(problem, votes=()), make_set(problem, 1, final=None, votes=())])
    assert (row["answer"], row["answers"][1], row["feedback"]) == ("#### 5", "", [])
