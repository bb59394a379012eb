"""The methods a recipe may name: what each learns from, and which module carries it out.

One row of `METHODS` is one method; `recipes.train` looks its name up and calls the module's `train`:

    def train(config: RecipeConfig, data: TrainingData) -> Trained

which loads its model (`trainable.load_trainable`), checks its rows before the first step, goes on from
`running.checkpoints.newest_checkpoint(config.output)`, and gives back model, tokenizer and what it measured. Claiming
the output folder, saving the weights (`model.save_pretrained`) and writing the record stay in `recipes.train`.

A method sees a dataset row through its `trains_on` function: the columns it learns from, or None to leave the row out.
So a new method is one row here, one module with `train`, and its YAML files.

Source: arXiv 2402.01812, section 4 (bc, filtered_bc, ilql_*); arXiv 2402.15000, section 3 (S_D-T = bc,
S_D-R = filtered_bc, S_E-T = solver_teacher, S_E-A = solver_oracle, each S_E with its direct form).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.text.student_format import format_solver_completion

if TYPE_CHECKING:
    from recipes.config.recipe import RecipeConfig
    from recipes.data.load import TrainingData
    from recipes.training.record import Measured

Row = Mapping[str, Any]
RowFunction = Callable[[Row], "dict[str, Any] | None"]

FINAL_LINE = "\nFinal answer: "


@dataclass(frozen=True)
class Trained:
    """What a method's `train` gives back."""

    model: Any
    """Has `save_pretrained(folder)`; its parameters are counted for the record."""
    tokenizer: Any
    measured: Measured
    chosen: Path | None = None
    """A folder with earlier weights that were chosen over the model's last ones; None: the last are published."""
    saved: bool = False
    """The weights are in the output folder already: sharded ones can only be saved by all processes together."""


@dataclass(frozen=True)
class Method:
    """One way of learning from the dataset."""

    name: str
    purpose: str
    """One line for tables and cards."""
    dataset_config: str
    """The dataset's config that it reads, one of `dataset_builder.schema.records.CONFIGS`."""
    trains_on: RowFunction
    """A row of that config -> the columns it learns from; None leaves the row out."""
    validates_on: RowFunction
    """The same for the validation split; bc and filtered_bc share theirs, so that their losses compare."""
    module: str
    """Carries it out; imported when a run starts, never before."""
    needs_checkpoint: bool = False
    """It has no meaning without `init_from`."""
    student: str = "decomposer"
    """decomposer: writes sub-questions; solver: reads them and writes answers."""

    def train(self, config: RecipeConfig, data: TrainingData) -> Trained:
        """Imports the method's module and runs it."""
        trained: Trained = importlib.import_module(self.module).train(config, data)
        return trained


def every_set(row: Row) -> dict[str, Any] | None:
    """Prompt and completion of any set."""
    return {"prompt": row["prompt"], "completion": row["completion"]}


def right_sets(row: Row) -> dict[str, Any] | None:
    """Prompt and completion of a set whose final answer is right."""
    return every_set(row) if row["answer_correctness"] == 1 else None


def oracle_answers(row: Row) -> dict[str, Any] | None:
    """The teacher's sub-answers, closed by the gold answer instead of the teacher's own."""
    return {"prompt": row["prompt"], "completion": _sub_answers(row) + FINAL_LINE + row["gold_answer"]}


def final_answers(row: Row) -> dict[str, Any] | None:
    """The teacher's final answer alone."""
    answer = row["completion"].rpartition(FINAL_LINE)[2]
    return {"prompt": row["prompt"], "completion": format_solver_completion((), answer)}


def gold_answers(row: Row) -> dict[str, Any] | None:
    """The gold answer alone."""
    return {"prompt": row["prompt"], "completion": format_solver_completion((), row["gold_answer"])}


def columns(*names: str) -> RowFunction:
    """A row function that takes these columns of every row as they are."""
    return lambda row: {name: row[name] for name in names}


def _sub_answers(row: Row) -> str:
    return str(row["completion"].rpartition(FINAL_LINE)[0])


def _decomposer(name: str, purpose: str, trains_on: RowFunction) -> Method:
    return Method(name, purpose, "prompt_completion", trains_on, every_set, "recipes.methods.sft")


def _solver(name: str, purpose: str, targets: RowFunction) -> Method:
    return Method(name, purpose, "solver", targets, targets, "recipes.methods.sft", student="solver")


_STEPS = columns("prompt", "steps", "step_rewards", "final_reward")
_PAIRS = columns("prompt", "chosen", "rejected")
_PREFERENCE = "recipes.methods.preference"
_ILQL = "recipes.methods.ilql.train"
_LABELS = columns("prompt", "completion", "label")

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        _decomposer("bc", "behavioural cloning of every sub-question set", every_set),
        _decomposer("filtered_bc", "cloning of the sets whose final answer is right", right_sets),
        _solver("solver_teacher", "the teacher's sub-answers and final answer", every_set),
        _solver("solver_oracle", "the teacher's sub-answers and the gold answer", oracle_answers),
        _solver("solver_teacher_direct", "the teacher's final answer alone", final_answers),
        _solver("solver_oracle_direct", "the gold answer alone", gold_answers),
        Method("dpo", "direct preference optimisation", "preference", _PAIRS, _PAIRS, _PREFERENCE, True),
        Method(
            "kto",
            "Kahneman-Tversky optimisation",
            "unpaired_preference",
            _LABELS,
            _LABELS,
            _PREFERENCE,
            True,
        ),
        Method(
            "reward_weighted_bc",
            "cloning weighted by reward",
            "trajectories",
            _STEPS,
            _STEPS,
            "recipes.methods.reward_weighted",
        ),
        Method(
            "resampled_bc",
            "cloning of sets drawn by reward",
            "trajectories",
            _STEPS,
            _STEPS,
            "recipes.methods.reward_weighted",
        ),
        Method(
            "ilql_sparse",
            "ILQL on the final reward",
            "trajectories",
            _STEPS,
            _STEPS,
            _ILQL,
            True,
        ),
        Method(
            "ilql_full",
            "ILQL on every step's reward",
            "trajectories",
            _STEPS,
            _STEPS,
            _ILQL,
            True,
        ),
        Method("ilql_shaped", "ILQL, each step costs", "trajectories", _STEPS, _STEPS, _ILQL, True),
    )
}
