"""The rows of the offline RL benchmark: what each method is, with one budget of updates for all.

Every method starts from the same cloned checkpoint of its seed and gets the same number of further updates at the same
batch size; `bc` goes on cloning. Learning rates are each method's own, as is usual for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipes.config.recipe import RecipeConfig

BATCH = 32
TINY: dict[str, Any] = {
    "backbone": "tiny",
    "adapter": "full",
    "tiny_layers": 2,
    "tiny_heads": 8,
    "max_length": 256,
    "effective_batch_size": BATCH,
    "micro_batch_size": 16,
    "lr_scheduler": "cosine",
    "warmup_steps": 20,
    "adam_beta2": 0.99,
    "threads": 1,
    "save_steps": 10_000,
    "logging_steps": 50,
    "validation_examples": 0,
}
ONE_STEP = ("expectile=0.7", "polyak=0.02")
"""One-step targets and the cloned policy as it is. arXiv 2402.01812: expectile 0.9, polyak 0.005, 25,000 updates."""
VALUES = (*ONE_STEP, "td_lambda=0.95", "gamma=0.97")
"""Lambda returns over about four sub-questions; the policy stays the cloned start, and values alone change it."""
ILQL = (*VALUES, "policy_weight=1", "awr_beta=10", "max_weight=50")
"""Also trains the policy beside the values, on tokens weighted by advantage."""
DRAWN = (*VALUES, "policy_weight=1", "awr_beta=1", "max_weight=10", "resample_temperature=0.1")
"""The same on sets drawn by return, as resampled_bc draws them."""


@dataclass(frozen=True)
class Row:
    """One method of the table."""

    method: str
    learning_rate: float
    options: tuple[str, ...] = ()
    guided: bool = field(default=False)
    """Decodes with values, so that beta is chosen on the validation problems."""

    @property
    def values_alone(self) -> bool:
        """The policy stays the cloned start, so whatever changes is the values' doing."""
        return self.guided and not any(option.startswith("policy_weight") for option in self.options)


ROWS: dict[str, Row] = {
    "bc": Row("bc", 2e-3),
    "filtered_bc": Row("filtered_bc", 2e-3),
    "reward_weighted_bc": Row("reward_weighted_bc", 2e-3, ("temperature=0.25",)),
    "resampled_bc": Row("resampled_bc", 2e-3, ("temperature=0.1",)),
    "dpo": Row("dpo", 5e-4, ("beta=0.1",)),
    "kto": Row("kto", 5e-4, ("beta=0.1",)),
    "ilql_sparse": Row("ilql_sparse", 2e-3, ILQL, guided=True),
    "ilql_full": Row("ilql_full", 2e-3, ILQL, guided=True),
    "ilql_shaped": Row("ilql_shaped", 2e-3, (*ILQL, "step_cost=0.3"), guided=True),
    "ilql_full, sets drawn": Row("ilql_full", 2e-3, DRAWN, guided=True),
    "ilql_full, frozen policy": Row("ilql_full", 2e-3, VALUES, guided=True),
    "ilql_full, frozen, one step": Row("ilql_full", 2e-3, ONE_STEP, guided=True),
    "ilql_full, frozen, published": Row("ilql_full", 2e-3, (*ONE_STEP, "published_target=true"), guided=True),
}


def start_recipe(folder: Path, dataset: Path, seed: int, updates: int) -> RecipeConfig:
    """The cloned checkpoint that all methods of a seed start from."""
    changes = {"max_steps": updates, "learning_rate": 3e-3, "seed": seed}
    return RecipeConfig(**(TINY | changes), method="bc", dataset=str(dataset), output_dir=str(folder / "start"))


def row_recipe(name: str, folder: Path, dataset: Path, seed: int, updates: int) -> RecipeConfig:
    """A row's own run."""
    row = ROWS[name]
    changes = {"max_steps": updates, "learning_rate": row.learning_rate, "seed": seed}
    return RecipeConfig(
        **(TINY | changes),
        method=row.method,
        dataset=str(dataset),
        init_from=str(folder / "start"),
        output_dir=str(folder / name.replace(", ", "-").replace(" ", "_")),
        trainer_options=list(row.options),
    )
