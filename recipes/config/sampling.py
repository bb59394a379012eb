"""How much a method draws that learns from its own samples: counted alike by its plan, its price and its data."""

from __future__ import annotations

import math

from recipes.config.methods import METHODS
from recipes.config.recipe import RecipeConfig, rewards_of


def rewarded_rows(config: RecipeConfig) -> int:
    """Samples of all updates of a run that a solver is asked about, or a teacher reads; none of recorded sets."""
    if not METHODS[config.method].samples:
        return 0
    updates, rewards = config.max_steps, rewards_of(config)
    if config.grpo:
        updates = math.ceil(updates / config.grpo.updates_per_draw)
    if config.expert_iteration:
        in_round = config.expert_iteration.updates_per_round
        updates = math.ceil(updates / in_round) * in_round
    return updates * config.effective_batch_size * (rewards.oversample if rewards else 1)


def sampled_problems(config: RecipeConfig) -> int:
    """Problems that all samples are of, where none comes twice; those that are screened only included."""
    rewards = rewards_of(config)
    return (
        rewarded_rows(config) * (rewards.screen if rewards else 1) // (rewards.samples_per_problem if rewards else 1)
    )


def sampled_rows(config: RecipeConfig) -> int:
    """Samples that all updates of a run draw: those that are rewarded, and one of each problem that is screened."""
    rewards = rewards_of(config)
    return rewarded_rows(config) + (sampled_problems(config) if rewards and rewards.screen > 1 else 0)
