"""The methods a recipe may name: what each learns from, what it needs, and which class carries it out.

One row of `METHODS` is one method. A method sees a row of the dataset through its `trains_on` function: the columns it
learns from, or None to leave the row out. So a new method is one row here, one class under `recipes/methods/` and its
file in `recipes/configs/methods`.

Source: arXiv 2402.01812, section 4 (bc, filtered_bc, ilql_*); arXiv 2402.15000, section 3 (S_D-T = bc,
S_D-R = filtered_bc, S_E-T = solver_teacher, S_E-A = solver_oracle, each S_E with its direct form).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dataset_builder.text.student_format import format_solver_completion, format_student_prompt

Row = Mapping[str, Any]
RowFunction = Callable[[Row], "dict[str, Any] | None"]

FINAL_LINE = "\nFinal answer: "


@dataclass(frozen=True)
class Method:
    """One way of learning from the dataset."""

    name: str
    """As recipes and records have it."""
    purpose: str
    """One line for tables and cards."""
    trains_on: RowFunction
    """A row of its dataset config -> the columns it learns from; None leaves the row out."""
    dataset_config: str
    """The dataset's config that it reads, one of `dataset_builder.schema.records.CONFIGS`."""
    implementation: str
    """Module and class that carry it out, a `training.method.TrainingMethod`; imported when a run starts."""
    student: str = "decomposer"
    """decomposer: writes sub-questions; solver: reads them and writes answers."""
    needs_checkpoint: bool = False
    """It needs `init_from`."""
    needs_reference: bool = False
    """The weights of `init_from` stay in memory beside those that move (under a LoRA they share the backbone)."""
    trains_values: bool = False
    """It learns value heads, which guide the policy when it decodes."""
    texts_per_row: int = 1
    """Texts that go through the model for one row of the dataset."""
    section: str = ""
    """The key of a recipe that holds its own settings, see `recipes.config.settings`."""
    shards_weights: bool = True
    """It can train where a launcher spreads one copy of the weights over the processes."""
    joins_rows: bool = False
    """Its micro-batches may be one padding-free row."""
    samples: bool = False
    """It learns from what it writes itself: of each problem the first row counts, as the problem alone."""
    validation_rows: RowFunction | None = None
    """What `validates_on` is where it is not `trains_on`."""

    @property
    def validates_on(self) -> RowFunction:
        """As `trains_on`, for the validation split; bc and filtered_bc share theirs, so that their losses compare."""
        return self.validation_rows or self.trains_on


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


def every_problem(row: Row) -> dict[str, Any] | None:
    """A problem as a student and a solver read it, with one recorded set to show how long a row gets."""
    if not row["sub_questions"]:
        return None
    names = ("problem_id", "problem", "passage", "gold_answer", "sub_questions")
    return {"prompt": format_student_prompt(row["problem"], row["passage"] or "")} | {
        name: row[name] for name in names
    }


def no_row(row: Row) -> dict[str, Any] | None:
    """None: whatever is learnt from its own samples has no recorded text to score."""
    return None


def columns(*names: str) -> RowFunction:
    """A row function that gives these columns of every row as they are."""
    return lambda row: {name: row[name] for name in names}


def _sub_answers(row: Row) -> str:
    return str(row["completion"].rpartition(FINAL_LINE)[0])


_PAIRS = columns("prompt", "chosen", "rejected")
_LABELS = columns("prompt", "completion", "label")
_STEPS = columns("prompt", "steps", "step_rewards", "final_reward")
_online = functools.partial(
    Method,
    dataset_config="default",
    trains_on=every_problem,
    validation_rows=no_row,
    needs_checkpoint=True,
    samples=True,
    shards_weights=False,
)
_decomposer = functools.partial(
    Method,
    dataset_config="prompt_completion",
    validation_rows=every_set,
    implementation="recipes.methods.sft:Cloning",
    joins_rows=True,
)
_solver = functools.partial(
    Method, dataset_config="solver", implementation="recipes.methods.sft:Cloning", student="solver", joins_rows=True
)
_preference = functools.partial(
    Method, section="preference", needs_checkpoint=True, needs_reference=True, texts_per_row=2, shards_weights=False
)
_weighted = functools.partial(
    Method,
    dataset_config="trajectories",
    trains_on=_STEPS,
    implementation="recipes.methods.reward_weighted:RewardWeighted",
    section="reward_weighting",
)
_ilql = functools.partial(
    Method,
    dataset_config="trajectories",
    trains_on=_STEPS,
    implementation="recipes.methods.ilql.method:Ilql",
    section="ilql",
    needs_checkpoint=True,
    needs_reference=True,
    trains_values=True,
    shards_weights=False,
)

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        _decomposer("bc", "behavioural cloning of every sub-question set", every_set),
        _decomposer("filtered_bc", "cloning of the sets whose final answer is right", right_sets),
        _solver("solver_teacher", "the teacher's sub-answers and final answer", every_set),
        _solver("solver_oracle", "the teacher's sub-answers and the gold answer", oracle_answers),
        _solver("solver_teacher_direct", "the teacher's final answer alone", final_answers),
        _solver("solver_oracle_direct", "the gold answer alone", gold_answers),
        _preference("dpo", "direct preference optimisation", _PAIRS, "preference", "recipes.methods.dpo:Pairs"),
        _preference(
            "kto", "Kahneman-Tversky optimisation", _LABELS, "unpaired_preference", "recipes.methods.kto:LabelledSets"
        ),
        _weighted("reward_weighted_bc", "cloning weighted by reward"),
        _weighted("resampled_bc", "cloning of sets drawn by reward"),
        _ilql("ilql_sparse", "ILQL on the final reward"),
        _ilql("ilql_full", "ILQL on every step's reward"),
        _ilql("ilql_shaped", "ILQL, each step costs"),
        _online(
            "grpo",
            "group relative policy optimisation on the solver's verdict",
            implementation="recipes.methods.online.grpo:Grpo",
            section="grpo",
            needs_reference=True,
        ),
        _online(
            "expert_iteration",
            "rounds of cloning the own samples that the solver solves",
            implementation="recipes.methods.online.expert_iteration:ExpertIteration",
            section="expert_iteration",
        ),
        _online(
            "on_policy_distillation",
            "the own samples under a teacher's token distribution",
            implementation="recipes.methods.online.distillation:OnPolicyDistillation",
            section="distillation",
        ),
    )
}


def student_of(method: str) -> str:
    """decomposer or solver; of a method that this code does not know, decomposer."""
    return METHODS[method].student if method in METHODS else "decomposer"
