"""The examples a recipe trains on: rows of the dataset's `prompt_completion` config that its method learns from.

Reads the dataset through `load_subq`; gives columns and the facts that name them in the record:

    {"path": "outputs/demo/dataset", "config": "prompt_completion", "revision": "", "examples_sha256": "8c9d...",
     "name": "dataset", "schema_version": "1.0.0", "splits": {"train": {"rows": 4500, ...}, ...}}
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.errors import UserError
from dataset_builder.folder.layout import read_facts
from recipes.config import RecipeConfig

DATASET_CONFIG = "prompt_completion"


@dataclass(frozen=True)
class TrainingData:
    """The examples of a run, as the columns `prompt` and `completion`."""

    train: dict[str, list[str]]
    validation: dict[str, list[str]]
    dropped: int
    facts: dict[str, Any]


def load_training_data(config: RecipeConfig) -> TrainingData:
    """Reads the examples a method learns from; filtered_bc keeps sets whose final answer is right.

    Raises:
        UserError: the dataset or its config is missing, or the method leaves nothing to learn from.
    """
    from dataset_builder.load import load_subq

    columns = load_subq(DATASET_CONFIG, "train", config.dataset, config.dataset_revision or None)
    kept = columns
    if config.method == "filtered_bc":
        right = [place for place, value in enumerate(columns["answer_correctness"]) if value == 1]
        kept = columns.select(right)
    dropped = len(columns) - len(kept)
    if config.max_examples:
        kept = kept.select(range(min(config.max_examples, len(kept))))
    if not len(kept):
        raise UserError(
            f"{config.dataset} has no example for {config.method}: none of its {len(columns)} training sets is marked "
            "right (answer_correctness 1); answer and label the sets first"
        )
    train = {"prompt": list(kept["prompt"]), "completion": list(kept["completion"])}
    return TrainingData(train, _validation(config), dropped, _dataset_facts(config, train))


def _validation(config: RecipeConfig) -> dict[str, list[str]]:
    from dataset_builder.load import load_subq

    if not config.validation_examples:
        return {}
    try:
        rows = load_subq(DATASET_CONFIG, "validation", config.dataset, config.dataset_revision or None)
    except UserError:  # a dataset without that split is a whole dataset, too
        return {}
    rows = rows.select(range(min(config.validation_examples, len(rows))))
    return {"prompt": list(rows["prompt"]), "completion": list(rows["completion"])} if len(rows) else {}


def _dataset_facts(config: RecipeConfig, train: dict[str, list[str]]) -> dict[str, Any]:
    digest = hashlib.sha256()
    for prompt, completion in zip(train["prompt"], train["completion"], strict=True):
        digest.update(json.dumps([prompt, completion]).encode())
    local = Path(config.dataset)
    facts = read_facts(local) if local.is_dir() else {}
    return {
        "path": config.dataset,
        "config": DATASET_CONFIG,
        "revision": config.dataset_revision,
        "examples_sha256": digest.hexdigest(),
        "name": facts.get("name", config.dataset),
        "schema_version": facts.get("schema_version"),
        "splits": facts.get("configs", {}).get(DATASET_CONFIG),
    }
