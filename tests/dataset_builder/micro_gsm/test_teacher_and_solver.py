"""The teacher errs in a system, the solver takes one hop, the critic is mostly right."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from dataset_builder.micro_gsm import solver, teacher
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.micro_gsm.world import Question, World, read_question


def read(domain: str) -> list[World]:
    problems = generate_problems("train", 1500, domain=domain)
    return [world for problem in problems if (world := World.read(problem.problem)) is not None]


WORLDS = read("micro_gsm")


def final_answer(world: World, questions: list[str], seed: int = 0, skill: str = "micro-gsm-solver") -> str:
    return solver.solve(world, questions, seed, solver.SKILLS[skill]).rpartition("Final answer: ")[2]


def accuracy(
    ask: Callable[[World, int], list[str]], worlds: Sequence[World] = WORLDS, skill: str = "micro-gsm-solver"
) -> float:
    right = [final_answer(world, ask(world, i), 0, skill) == str(world.answer()) for i, world in enumerate(worlds)]
    return sum(right) / len(right)


def reference(world: World) -> list[str]:
    return [world.ask(question) for question in world.reference()]


def sample(world: World, index: int, temperature: float = 0.7) -> list[str]:
    return teacher.decompose(world, random.Random(index), temperature)


def test_the_teacher_leads_to_a_right_answer_about_as_often_as_chatgpt_does_on_gsm8k() -> None:
    assert 0.63 < accuracy(sample) < 0.73  # 65 to 70 %, with room for the draw of 1,500 problems


def test_the_reference_is_far_above_the_teacher_and_no_decomposition_far_below() -> None:
    assert accuracy(lambda world, _: reference(world)) > 0.9
    assert accuracy(lambda world, _: []) < 0.2


def test_the_second_domain_is_as_hard_for_teacher_and_solver_as_the_first() -> None:
    worlds = read("micro_gsm_walks")
    assert 0.63 < accuracy(sample, worlds) < 0.76
    assert accuracy(lambda world, _: reference(world), worlds) > 0.9


def test_a_weak_solver_slips_often_and_one_that_reaches_far_makes_up_for_a_hop_that_is_left_out() -> None:
    usual = accuracy(sample)
    assert accuracy(sample, skill="micro-gsm-solver-weak") < usual - 0.1
    assert accuracy(sample, skill="micro-gsm-solver-far") > usual + 0.1


@pytest.mark.parametrize("kind", ["half hop", "gap"])
def test_on_some_kinds_the_most_frequent_behaviour_is_wrong_while_a_good_one_is_in_the_samples(kind: str) -> None:
    def belongs(world: World) -> bool:
        half = any(world.quantities[hop.people[0]].kind == "half" for hop in world.reference()[:-1])
        return half if kind == "half hop" else world.goal.kind == "gap" and not half

    weak = [world for world in WORLDS if belongs(world)][:60]
    greedy_wrong = [set(world.reference()) - set(map(read_question, sample(world, 0, 0.0))) for world in weak]
    assert sum(map(bool, greedy_wrong)) > 0.9 * len(weak)
    good = sum(all(teacher.is_useful(world, sample(world, seed))) for world in weak for seed in range(20))
    assert good > 0.1 * 20 * len(weak)


def test_at_temperature_zero_the_teacher_always_says_the_same() -> None:
    for world in WORLDS[:50]:
        assert len({tuple(sample(world, seed, 0.0)) for seed in range(5)}) == 1


def test_a_skipped_hop_leaves_the_solver_to_guess() -> None:
    deep = [world for world in WORLDS if len(world.needed()) == 2 and world.goal.kind != "plain"]
    skipped = [final_answer(world, reference(world)[1:]) == str(world.answer()) for world in deep]
    assert sum(skipped) < 0.3 * len(deep)


def test_a_superfluous_question_costs_accuracy() -> None:
    def padded(world: World, _: int) -> list[str]:
        given = next(person for person, quantity in world.quantities.items() if not quantity.parents)
        return [world.ask(Question("plain", (given,)))] * 4 + reference(world)

    assert accuracy(padded) < accuracy(lambda world, _: reference(world)) - 0.03


def test_the_same_questions_always_get_the_same_answers_and_another_seed_other_slips() -> None:
    world = WORLDS[0]
    assert solver.solve(world, reference(world), 0) == solver.solve(world, reference(world), 0)
    many = {solver.solve(world, reference(world), seed) for seed in range(200)}
    assert len(many) > 1


def test_a_question_of_another_world_gets_an_answer_too() -> None:
    assert "Final answer: " in solver.solve(WORLDS[0], ["How many moons has Mars?"], 0)


def test_every_reference_question_is_useful_and_repeats_given_and_unreachable_ones_are_not() -> None:
    for world in WORLDS[:200]:
        assert all(teacher.is_useful(world, reference(world)))
        assert teacher.is_useful(world, [reference(world)[0]] * 2)[1] is False
        given = next(person for person, quantity in world.quantities.items() if not quantity.parents)
        assert teacher.is_useful(world, [world.ask(Question("plain", (given,)))]) == [False]
        if len(world.needed()) > 1:
            assert teacher.is_useful(world, reference(world)[1:])[0] is False


def test_the_critic_is_right_most_of_the_time() -> None:
    agree = [
        vote == useful
        for index, world in enumerate(WORLDS)
        for vote, useful in zip(
            teacher.vote(world, sample(world, index), random.Random(f"critic {index}")),
            teacher.is_useful(world, sample(world, index)),
            strict=True,
        )
    ]
    assert 0.82 < sum(agree) / len(agree) < 0.93
