"""Accuracy on the test problems while a run learns: what the figure draws, and what is compared at equal calls.

    curve = TestCurve(config, problems, every=30)
    run_recipe(config, [curve])
    curve.points[0]                      # {"update": 30, "right": [1, 0, ...]}

Nothing is chosen by it. Scoring draws no random number, so a run that is watched learns what it would have learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from dataset_builder.core.files import read_jsonl, write_jsonl
from dataset_builder.schema.records import Problem
from recipes.config.recipe import RecipeConfig
from recipes.models.policy import Policy
from recipes.training.selection import decoding
from tests.experiments.offline_rl import world
from tests.experiments.offline_rl.run import decode


class TestCurve(TrainerCallback):
    """Scores the weights in training every so many updates; kept in the run's folder, so that a kill loses none."""

    __test__ = False

    def __init__(self, config: RecipeConfig, problems: Sequence[Problem], every: int) -> None:
        self.config, self.problems, self.every = config, problems, every
        self.path = config.output / "test_curve.jsonl"
        self.points: list[dict[str, Any]] = read_jsonl(self.path) if self.path.is_file() else []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        self.points = [point for point in self.points if point["update"] <= state.global_step]

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        processing_class: Any = None,
        **kwargs: object,
    ) -> None:
        if state.global_step % self.every or state.global_step >= state.max_steps:
            return
        with decoding(model):
            sets = decode(Policy(model.eval(), processing_class, self.config.text_format), self.problems)
        self.points.append({"update": state.global_step, "right": world.score(self.problems, sets)})
        write_jsonl(self.path, self.points)


def with_calls(points: Sequence[dict[str, Any]], logged: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """The points, each with the different sets that had been asked by then.

    Args:
        points: of a `TestCurve`.
        logged: [update, reward, calls] of the run's record; empty where nobody was asked.
    """
    calls = {int(update): int(asked) for update, _, asked in logged}
    return [point | {"calls": calls[point["update"]] if calls else 0} for point in points]
