"""Problems, their wording and the way back."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import pytest

from dataset_builder.core.errors import UserError
from dataset_builder.micro_gsm.domains import DOMAINS
from dataset_builder.micro_gsm.problems import SIZES, generate_problems
from dataset_builder.micro_gsm.world import Question, World, read_question
from dataset_builder.schema.records import SPLITS

TEXT = (
    "Ben has 5 more apples than Ana. Carl has half as many apples as Ben. Ana has 11 apples. "
    "Each apple costs 2 dollars. How many dollars do the apples of Carl cost?"
)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("size", SIZES)
def test_the_text_alone_gives_back_answer_and_reference(size: str, domain: str) -> None:
    for problem in generate_problems("train", 200, seed=3, size=size, domain=domain):
        world = World.read(problem.problem)
        assert world is not None
        assert world.domain.name == domain == problem.source
        assert str(world.answer()) == problem.gold_answer
        assert tuple(world.ask(question) for question in world.reference()) == problem.reference_sub_questions


def test_a_hand_worked_problem_has_the_answer_of_the_hand() -> None:
    world = World.read(TEXT)
    assert world is not None
    assert world.values() == {"Ana": 11, "Ben": 16, "Carl": 8}
    assert world.answer() == Fraction(16)
    assert world.reference() == [
        Question("plain", ("Ben",)),
        Question("plain", ("Carl",)),
        Question("cost", ("Carl",)),
    ]


def test_a_hand_worked_problem_of_walks_has_the_answer_of_the_hand() -> None:
    text = (
        "Ben walks a third of the way of Ana. Ana walks 12 miles. Carl walks the way of Ben twice and 3 miles more. "
        "Dora stops 2 miles before Carl. Each mile takes 4 minutes. How many minutes does the way of Dora take?"
    )
    world = World.read(text)
    assert world is not None
    assert world.values() == {"Ana": 12, "Ben": 4, "Carl": 11, "Dora": 9}
    assert world.answer() == 36
    assert [world.ask(question) for question in world.reference()][-2:] == [
        "How many miles does Dora walk?",
        "How many minutes does the way of Dora take?",
    ]


def test_the_texts_of_micro_gsm_stay_what_they_were() -> None:
    """Datasets, demos and figures of before rest on them; taken on 2026-11-27, before there were domains."""
    texts = [repr(problem) for size in SIZES for problem in generate_problems("test", 50, 0, size)]
    assert hashlib.sha256("".join(texts).encode()).hexdigest()[:16] == "85df9b944f8a909f"


def test_a_text_that_mixes_two_domains_is_not_read() -> None:
    assert World.read("Ana walks 3 miles. Ben has 2 more miles than Ana. How many miles does Ben walk?") is None


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_sub_question_of_a_reference_can_be_read_back(domain: str) -> None:
    for problem in generate_problems("test", 100, size="large", domain=domain):
        assert all(read_question(text) is not None for text in problem.reference_sub_questions)


@pytest.mark.parametrize(
    "text", ["", "Janet has ducks.", TEXT.replace("Ana has 11 apples. ", ""), "Ana has 3 apples."]
)
def test_text_of_another_world_is_not_read(text: str) -> None:
    assert World.read(text) is None


def test_the_same_seed_gives_the_same_problems_and_another_seed_others() -> None:
    assert generate_problems("train", 20, seed=1) == generate_problems("train", 20, seed=1)
    assert generate_problems("train", 20, seed=1) != generate_problems("train", 20, seed=2)


def test_a_longer_draw_begins_with_the_shorter_one() -> None:
    assert generate_problems("train", 30)[:10] == generate_problems("train", 10)


def test_no_text_is_in_two_splits_or_twice_in_one() -> None:
    texts = [problem.problem for split in SPLITS for seed in (0, 1) for problem in generate_problems(split, 300, seed)]
    by_split = {split: {p.problem for s in (0, 1) for p in generate_problems(split, 300, s)} for split in SPLITS}
    assert len(set(texts)) == sum(len(result) for result in by_split.values())
    one_draw = [problem.problem for problem in generate_problems("train", 1000)]
    assert len(set(one_draw)) == 1000


def test_an_unknown_size_names_the_valid_ones() -> None:
    with pytest.raises(UserError, match="small, medium, large, halving"):
        generate_problems("train", 1, size="tiny")


def test_most_hops_of_halving_problems_halve() -> None:
    worlds = [World.read(problem.problem) for problem in generate_problems("test", 200, size="halving")]
    kinds = [world.quantities[person].kind for world in worlds if world for person in world.needed()]
    assert 0.6 < kinds.count("half") / len(kinds) < 0.9
