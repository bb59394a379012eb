"""Splits are disjoint by problem, drawn by a hash, and nothing of the test split leaks."""

from __future__ import annotations

import collections

import pytest

from dataset_builder.build.splits import Entry, assign_split, divide_test, find_leaks, prompt_examples
from dataset_builder.core.errors import UserError
from dataset_builder.schema.records import Split
from dataset_builder.text.likeness import text_hash
from tests.support.raw_sets import make_problem


def entry(problem_id: str, split: Split, text: str) -> Entry:
    return Entry(problem_id, split, text_hash(text))


def test_source_test_stays_test_and_validation_stays_validation() -> None:
    assert assign_split(make_problem(1, "test"), 0.99) == "test"
    assert assign_split(make_problem(1, "validation"), 0.0) == "validation"


def test_fraction_of_train_becomes_validation() -> None:
    splits = collections.Counter(assign_split(make_problem(number), 0.2) for number in range(2000))
    assert 300 < splits["validation"] < 500
    assert assign_split(make_problem(1), 0.0) == "train"


def test_a_problem_keeps_its_side_when_others_are_added_and_seed_draws_anew() -> None:
    first = [assign_split(make_problem(number), 0.5) for number in range(50)]
    assert [assign_split(make_problem(number), 0.5) for number in range(100)][:50] == first
    assert [assign_split(make_problem(number), 0.5, seed=1) for number in range(50)] != first


def test_a_divided_test_set_keeps_so_many_and_trains_on_the_others() -> None:
    entries = [entry(f"t{number}", "test", f"text {number}") for number in range(200)] + [entry("a", "train", "x")]
    divided = {item.problem_id: item.split for item in divide_test(entries, 40, 0.1)}
    assert list(divided) == [item.problem_id for item in entries]
    assert collections.Counter(divided.values())["test"] == 40
    assert 5 < collections.Counter(divided.values())["validation"] < 30
    assert divide_test(entries, 0, 0.1) == entries
    assert {item.problem_id: item.split for item in divide_test(entries[::-1], 40, 0.1)} == divided
    with pytest.raises(UserError, match="holds 200 test problems"):
        divide_test(entries, 200, 0.1)


def test_text_in_train_and_test_leaks_from_train_whatever_its_typography() -> None:
    leaks = find_leaks([entry("a", "train", "Ann’s  3 PENS?"), entry("b", "test", "Ann's 3 pens")])
    assert [(leak.problem_id, leak.elsewhere) for leak in leaks] == [("a", "b (test)")]


def test_validation_gives_way_to_test_and_train_to_validation() -> None:
    leaks = find_leaks([entry("t", "train", "x"), entry("v", "validation", "x"), entry("e", "test", "x")])
    assert [leak.problem_id for leak in leaks] == ["t", "v"]


def test_text_twice_in_one_split_is_no_leak() -> None:
    assert find_leaks([entry("a", "train", "x"), entry("b", "train", "x")]) == []


def test_same_question_about_another_passage_is_no_leak() -> None:
    entries = [
        Entry("a", "train", text_hash("How many yards?", "First game.")),
        Entry("b", "test", text_hash("How many yards?", "Second game.")),
    ]
    assert find_leaks(entries) == []


def test_worked_example_of_a_prompt_leaks_from_every_split() -> None:
    _, text = prompt_examples()[0]
    (leak,) = find_leaks([entry("a", "test", text)])
    assert leak.elsewhere.startswith("a worked example of ")


def test_prompts_have_worked_examples_to_compare_with() -> None:
    assert len({text for _, text in prompt_examples()}) >= 2
    assert all("{" not in text for _, text in prompt_examples())


def test_worked_example_of_an_own_prompt_is_a_leak_too() -> None:
    own = {"name": "physics", "text": "Split it.\n\nProblem: A stone falls.\n\nQ1: How far?\n\nProblem: {problem}"}
    (leak,) = find_leaks([entry("a", "train", "A stone falls!")], [own])
    assert leak.elsewhere == "a worked example of physics"
