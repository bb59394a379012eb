"""The examples a recipe trains on: rows of the dataset that its method learns from.

Reads the dataset through `load_subq`; gives columns and the facts that name them in the record:

    {"path": "outputs/demo/dataset", "config": "prompt_completion", "revision": "", "examples_sha256": "8c9d...",
     "name": "dataset", "schema_version": "1.0.0", "splits": {"train": {"rows": 4500, ...}, ...},
     "taken_from_test": 0}                       problems of the source's test set that the dataset trains on
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder import load
from dataset_builder.dataset_folder.layout import read_facts
from recipes.config.methods import METHODS, Method, Row, RowFunction
from recipes.config.recipe import RecipeConfig, sampling_of
from recipes.config.sampling import sampled_problems
from recipes.config.settings import DATASET
from recipes.data.fresh import fresh_problems

Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class TrainingData:
    """The examples of a run, as the columns its method learns from (for bc: `prompt` and `completion`)."""

    train: Columns
    """One list per column, all of one length."""
    validation: Columns
    """Empty without a validation split, or where the recipe asks for none."""
    dropped: int
    """Rows of the training split that the method leaves out."""
    facts: dict[str, Any]
    """What names these examples in the record, see above."""

    @property
    def count(self) -> int:
        return len(next(iter(self.train.values())))


def load_training_data(config: RecipeConfig) -> TrainingData:
    """Reads the examples a method learns from.

    Raises:
        UserError: the dataset or its config is missing, or the method leaves nothing to learn from.
    """
    method = METHODS[config.method]
    rows = _training_rows(config, method)
    kept = _learnt(rows, method.trains_on)
    if not kept:
        unlabelled = "is marked right (answer_correctness 1); answer and label the sets first"
        reason = f"{method.dataset_config} rows {unlabelled if method.name == 'filtered_bc' else 'fits'}"
        raise UserError(f"{config.dataset} has no example for {method.name}: none of its {len(rows)} {reason}")
    dropped = 0 if method.samples else len(rows) - len(kept)
    if method.samples:
        kept = _first_of_each_problem(kept)
    train = _columns(kept[: config.max_examples or None])
    return TrainingData(train, _validation(config, method), dropped, _dataset_facts(config, method, train))


def _learnt(rows: Iterable[Row], rule: RowFunction) -> list[dict[str, Any]]:
    return [example for row in rows if (example := rule(row)) is not None]


def _training_rows(config: RecipeConfig, method: Method) -> Sequence[Row]:
    """Of the dataset, or fresh ones; those are still chosen by, and counted beside, the dataset's other rows."""
    if (sampling := sampling_of(config)) and sampling.problems != DATASET:
        return fresh_problems(sampling.problems, sampled_problems(config), config.seed)
    rows: Sequence[Row] = load.load_subq(
        method.dataset_config, "train", config.dataset, config.dataset_revision or None
    )
    return rows


def _first_of_each_problem(examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({example["problem_id"]: example for example in reversed(examples)}.values())[::-1]


def _columns(examples: list[dict[str, Any]]) -> Columns:
    return {name: [example[name] for example in examples] for name in examples[0]} if examples else {}


def _validation(config: RecipeConfig, method: Method) -> Columns:
    if not config.validation_examples:
        return {}
    try:
        rows = load.load_subq(method.dataset_config, "validation", config.dataset, config.dataset_revision or None)
    except UserError:  # a validation split is optional
        return {}
    return _columns(_learnt(rows.select(range(min(config.validation_examples, len(rows)))), method.validates_on))


def _dataset_facts(config: RecipeConfig, method: Method, train: Columns) -> dict[str, Any]:
    digest = hashlib.sha256()
    for values in zip(*train.values(), strict=True):
        digest.update(json.dumps(values).encode())
    local = Path(config.dataset)
    facts = read_facts(local) if local.is_dir() else {}
    return {
        "path": config.dataset,
        "config": method.dataset_config,
        "revision": config.dataset_revision,
        "examples_sha256": digest.hexdigest(),
        "name": facts.get("name", config.dataset),
        "schema_version": facts.get("schema_version"),
        "splits": facts.get("configs", {}).get(method.dataset_config),
        "taken_from_test": facts.get("taken_from_test", 0),
    }
