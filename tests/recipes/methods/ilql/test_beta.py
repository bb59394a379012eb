"""What a set is worth by the recorded votes, and a sweep that leaves the policy as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recipes.config.recipe import RecipeConfig
from recipes.methods.ilql.beta import Recorded, best_beta, recorded_feedback, sweep_beta
from recipes.modeling import load_policy
from recipes.models.policy import Policy
from recipes.train import run_recipe


@pytest.fixture
def recorded() -> Recorded:
    record = Recorded("")
    record.add(["a", "b", "goal"], [1.0, 0.75, 1.0])
    record.add(["b", "goal"], [0.25, 0.0])
    return record


def test_quality_takes_the_votes_given_after_no_more_than_was_asked(recorded: Recorded) -> None:
    assert recorded.quality(["b", "goal"]) == 0.25 * 0.0
    assert recorded.quality(["a", "b", "goal"]) == pytest.approx(1.0 * (0.75 + 0.25) / 2 * (1.0 + 0.0) / 2)


def test_a_set_without_the_goal_or_that_asks_twice_is_worth_nothing(recorded: Recorded) -> None:
    assert recorded.quality(["a", "b"]) == recorded.quality(["a", "a", "goal"]) == recorded.quality([]) == 0.0


def test_a_question_that_nobody_voted_on_counts_one_half(recorded: Recorded) -> None:
    record = Recorded("")
    record.add(["goal"], [1.0])
    assert record.quality(["new", "goal"]) == 0.5


def test_of_equal_betas_the_first_is_chosen() -> None:
    assert best_beta({0.0: 0.3, 1.0: 0.5, 2.0: 0.5}) == 1.0


def test_only_so_many_problems_are_read(reward_dataset: Path) -> None:
    assert len(recorded_feedback(str(reward_dataset), 1)) == 1


def test_a_sweep_decodes_with_each_beta_and_leaves_the_policy_as_it_was(
    reward_recipe: Callable[..., RecipeConfig], cloned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = reward_recipe(tmp_path / "out", method="ilql_full", init_from=str(cloned), max_steps=1)
    policy = load_policy(run_recipe(config), device="cpu")
    before = policy.model.decoding
    complete = Policy.complete

    def beta_of(self: Policy, prompts: list[str], **options: Any) -> list[str]:
        assert len(complete(self, prompts, **options)) == 1
        return [str(self.model.decoding.beta)]

    monkeypatch.setattr(Policy, "complete", beta_of)
    scores = sweep_beta(policy, ["Ana has 3 pens.\n"], lambda texts: float(texts[0]), [0.5, 2.0], max_new_tokens=2)
    assert scores == {0.5: 0.5, 2.0: 2.0}
    assert policy.model.decoding == before
