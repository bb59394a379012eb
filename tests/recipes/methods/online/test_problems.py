"""The problems that are sampled, in an order that a kill does not change."""

from __future__ import annotations

from itertools import islice

from recipes.data.load import TrainingData
from recipes.methods.online.problems import ProblemSampler, problems_of


def test_problems_of_the_dataset_come_with_their_passage() -> None:
    columns = {
        "problem_id": ["p-1", "p-2"],
        "problem": ["Ana has 3 pens.", "Ben has 4."],
        "passage": ["About pens.", None],
        "gold_answer": ["3", "4"],
    }
    first, second = problems_of(TrainingData(columns, {}, 0, {}))
    assert (first.problem_id, first.passage, first.gold_answer) == ("p-1", "About pens.", "3")
    assert second.passage == ""


def test_a_draw_holds_each_problem_side_by_side_and_is_read_once_for_each_micro_batch() -> None:
    sampler = ProblemSampler(5, per_draw=2, samples=3, repeats=2, draws=4, seed=1)
    rows = list(sampler)
    assert len(rows) == len(sampler) == 4 * 2 * 2 * 3
    draws = [rows[start : start + 12] for start in range(0, 48, 12)]
    for draw in draws:
        assert draw[:6] == draw[6:]
        assert draw[0] == draw[1] == draw[2]
        assert draw[3] == draw[4] == draw[5]
    first_pass = [problem for draw in draws for problem in (draw[0], draw[3])][:5]
    assert sorted(first_pass) == [0, 1, 2, 3, 4]


def test_the_order_follows_from_the_seed_alone() -> None:
    def drawn(seed: int) -> list[int]:
        return list(islice(ProblemSampler(9, per_draw=3, samples=1, repeats=1, draws=9, seed=seed), 20))

    assert drawn(4) == drawn(4) != drawn(5)
