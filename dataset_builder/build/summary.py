"""The last lines of a build: what came out, what is missing and how it comes in, and the next command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from dataset_builder.build.config import BuildConfig
from dataset_builder.dataset_folder.load import FEEDBACK_REMEDY
from dataset_builder.stats.about import about_dataset


def last_lines(config: BuildConfig, facts: dict[str, Any]) -> Iterator[str]:
    """The lines, for the person who waited.

    Args:
        config: of the build.
        facts: what it wrote down.
    """
    sets, unreadable = sum(facts["sets"].values()), facts["unreadable_sets"]
    by_split = ", ".join(f"{split} {count}" for split, count in facts["sets"].items())
    yield f"{config.output}: {sum(facts['problems'].values())} problems, {sets} sets ({by_split})"
    if unreadable:
        yield f"left out {unreadable} sets without readable sub-questions; facts.json counts why"
    yield "; ".join(_shares(facts, sets, unreadable)[: 3 if config.generation_folder else 2])
    if taken := facts["taken_from_test"]:
        yield (
            f"{taken:,} of the source's test problems are trained on here: what learns from them has no score on that "
            f"test set, only on the {facts['problems']['test']} that are held out"
        )
    if "trajectories" not in facts["configs"]:
        remedy = FEEDBACK_REMEDY if config.generation_folder else "these files hold none"
        yield f"no feedback, so no config trajectories: {remedy}"
    if "train" in facts["problems"] and len(facts["problems"]) == 1:
        yield "nothing is held out to score on: --validation_fraction 0.2 keeps a fifth of the problems back"
    if missing := about_dataset(facts).missing():
        yield f"the card does not say what only you know of your problems: {', '.join(missing)}"
    yield f"next, its numbers and figures: python -m dataset_builder.stats --dataset {shlex.quote(config.output)}"
    if "train" in facts["problems"]:
        yield f"then: python -m recipes.train --recipe gpt2/bc_full --dataset {shlex.quote(config.output)}"


def _shares(facts: dict[str, Any], sets: int, unreadable: int) -> list[str]:
    """What is readable and right, and what it cost."""
    accuracies = [group["accuracy"] for group in facts["stats"].values() if group["accuracy"]]
    answered, right = sum(share["n"] for share in accuracies), sum(share["successes"] for share in accuracies)
    cost = facts["usage"]["cost_usd"]
    return [
        f"readable: {100 * sets / (sets + unreadable):.1f} % of {sets + unreadable:,} sets",
        f"right: {100 * right / answered:.1f} % of {answered:,} answers" if answered else "none was answered",
        f"cost: {'unknown' if cost is None else f'${cost:.4f}'}",
    ]
