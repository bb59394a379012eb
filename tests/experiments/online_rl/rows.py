"""The rows of the online RL benchmark: what each run is, where it starts, and on whose sets it learns.

Reads recipes/experiments/online_rl/<file>.yaml; `start`, `bc` and `resampled_bc` are those of the offline study, on
the same problems. A row's test problems are its seed's, so rows are compared problem by problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recipes.config.compose import parse_recipe
from recipes.config.recipe import RecipeConfig, sampling_of
from recipes.config.settings import DATASET
from tests.experiments.offline_rl import rows as offline

EXPERIMENTS = offline.EXPERIMENTS.parent / "online_rl"
CARRIED_OUT = (
    "--micro_batch_size", "32", "--threads", "1", "--save_steps", "30", "--logging_steps", "10",
    "--validation_examples", "0",
)  # fmt: skip
"""How each run is carried out on a core of its own; nothing of it changes what is learnt."""
REFERENCE = "reference"
"""Row of the table that nobody trains; the first part of a seed, with which comes its dataset."""


@dataclass(frozen=True)
class Row:
    """One run of a seed."""

    name: str
    """In the table; its file and folder by `file`."""
    start: str = ""
    """The row whose checkpoint it starts from; empty: from nothing."""
    teacher: str = ""
    """The row whose checkpoint is its teacher, or whose sets it clones."""
    problems_of: str = ""
    """The row whose dataset it reads; empty: the seed's own."""

    @property
    def file(self) -> str:
        return self.name.replace(", ", "-").replace(" ", "_")

    @property
    def needs(self) -> set[str]:
        """The parts of its seed that must be there before it."""
        return {self.start, self.teacher, self.problems_of} - {""} or {REFERENCE}


ROWS = {
    row.name: row
    for row in (
        Row("teacher"),
        Row("start"),
        Row("bc", "start"),
        Row("resampled_bc", "start"),
        Row("grpo, from resampled_bc", "resampled_bc"),
        Row("expert_iteration, from resampled_bc", "resampled_bc"),
        Row("resampled_bc, further", "resampled_bc"),
        Row("cloned_teacher", "bc", "teacher"),
        Row("on_policy_distillation", "bc", "teacher"),
        Row("on_policy_distillation, 500 problems", "bc", "teacher", problems_of="cloned_teacher"),
        Row("cloned_teacher, 500 problems", "bc", "teacher", problems_of="cloned_teacher"),
        Row("grpo, from bc", "bc"),
        Row("expert_iteration, from bc", "bc"),
        Row("bc, further", "bc"),
    )
}
"""In an order in which each comes after what it needs, long ones first."""
TABLE = (
    "bc",
    "bc, further",
    "expert_iteration, from bc",
    "grpo, from bc",
    "resampled_bc",
    "resampled_bc, further",
    "expert_iteration, from resampled_bc",
    "grpo, from resampled_bc",
    "teacher",
    "cloned_teacher",
    "on_policy_distillation",
    "cloned_teacher, 500 problems",
    "on_policy_distillation, 500 problems",
    REFERENCE,
)
"""The rows of the table, in its order."""
DISTILLED = "on_policy_distillation"
CLONED = "cloned_teacher"


def needed(names: list[str]) -> list[str]:
    """These rows and all that they need, in an order in which they can run."""
    wanted = set(names)
    for name in reversed(list(ROWS)):
        if name in wanted:
            wanted |= ROWS[name].needs
    return [name for name in ROWS if name in wanted]


def recipe_of(name: str, home: Path, size: str, seed: int, updates: int | None = None) -> RecipeConfig:
    """A row's own run; `size` names whose problems are sampled, `updates` are others than its file says."""
    row = ROWS[name]
    own = EXPERIMENTS / f"{row.file}.yaml"
    path = own if own.is_file() else offline.EXPERIMENTS / f"{row.file}.yaml"
    dataset = home / (f"{CLONED}-dataset" if CLONED in (name, row.problems_of) else "dataset")
    argv = ["--config", str(path), *CARRIED_OUT, "--dataset", str(dataset), "--seed", str(seed)]
    argv += ["--output_dir", str(home / row.file)]
    argv += ["--init_from", str(home / ROWS[row.start].file)] if row.start else []
    argv += ["--distillation.teacher", str(home / row.teacher)] if name.startswith(DISTILLED) else []
    argv += ["--max_steps", str(updates)] if updates else []
    config = parse_recipe(RecipeConfig, argv, prog="", description="")
    sampling = sampling_of(config)
    if not sampling or sampling.problems == DATASET:
        return config
    section = next(key for key in ("grpo", "expert_iteration", "distillation") if getattr(config, key))
    argv += [f"--{section}.problems", f"micro_gsm:{size}"]
    return parse_recipe(RecipeConfig, argv, prog="", description="")
