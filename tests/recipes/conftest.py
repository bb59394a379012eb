"""A small MicroGSM dataset folder and tiny recipes on it; every model is made on the fly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.dataset_folder.layout import KIND, shard_path, write_facts
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.schema.columns import features
from dataset_builder.schema.records import SCHEMA_VERSION
from dataset_builder.text.student_format import format_student_completion, format_student_prompt
from recipes.config.recipe import RecipeConfig
from tests.support.reward_recipes import (  # noqa: F401 (fixtures)
    cloned,
    cloned_adapter,
    reward_dataset,
    reward_recipe,
    trained_solver,
)

CARD = """---
configs:
- config_name: prompt_completion
  data_files:
  - split: train
    path: data/prompt_completion/train-*.parquet
  - split: validation
    path: data/prompt_completion/validation-*.parquet
---
"""

SMALL: dict[str, Any] = {
    "tiny_hidden_size": 64,
    "tiny_layers": 2,
    "tiny_heads": 2,
    "max_length": 192,
    "max_steps": 4,
    "effective_batch_size": 8,
    "learning_rate": 1e-3,
    "logging_steps": 1,
    "validation_examples": 8,
    "lora_rank": 4,
    "report_to": "none",
}


def prompt_completion_rows(split: Any, count: int) -> list[dict[str, Any]]:
    """Reference decompositions; every second set counts as answered rightly."""
    return [
        {
            "problem_id": problem.problem_id,
            "set_index": 0,
            "prompt": format_student_prompt(problem.problem),
            "completion": format_student_completion(problem.reference_sub_questions),
            "answer_correctness": index % 2,
        }
        for index, problem in enumerate(generate_problems(split, count, seed=0))
    ]


@pytest.fixture(scope="session")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder with the config that recipes read: 48 training sets, 24 of them right, and 8 for validation."""
    from datasets import Dataset

    folder = tmp_path_factory.mktemp("recipes") / "micro-subq"
    splits = {}
    for split, count in (("train", 48), ("validation", 8)):
        rows = Dataset.from_list(prompt_completion_rows(split, count), features=features("prompt_completion"))
        path = shard_path(folder, "prompt_completion", split, 0, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(path)
        splits[split] = {"rows": count}
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    facts = {"kind": KIND, "name": folder.name, "schema_version": SCHEMA_VERSION}
    write_facts(folder, facts | {"configs": {"prompt_completion": splits}})
    return folder


@pytest.fixture(scope="session")
def recipe(dataset_folder: Path) -> Callable[..., RecipeConfig]:
    """Makes a small recipe on that dataset; `recipe(out, method="filtered_bc", ...)`."""

    def make(output: Path, **changes: Any) -> RecipeConfig:
        values = SMALL | {"dataset": str(dataset_folder), "output_dir": str(output)} | changes
        return RecipeConfig(**values)

    return make


@pytest.fixture(scope="session")
def bc_checkpoint(recipe: Callable[..., RecipeConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny backbone after a few updates of behavioural cloning."""
    from recipes.train import run_recipe

    return run_recipe(recipe(tmp_path_factory.mktemp("bc") / "bc_full"))
