"""KTO: drift is measured on another prompt's completion, and right and wrong sets count alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from recipes.config.recipe import RecipeConfig
from recipes.data.load import TrainingData
from recipes.methods.kto import LabelledSets, balanced_weights
from recipes.models.load import load_tokenizer

Recipe = Callable[..., RecipeConfig]
COLUMNS: dict[str, list[Any]] = {
    "prompt": ["Ana has 3 pens.\n", "Ben has 4 pens.\n", "Carl has 5 pens.\n"],
    "completion": [" <QUE> How many? </QUE>", " <QUE> Ben? </QUE>", " <QUE> Carl? </QUE>"],
    "label": [True, False, True],
}


def test_kto_measures_drift_on_another_prompts_completion(cloned: Path, reward_recipe: Recipe, tmp_path: Path) -> None:
    config = reward_recipe(tmp_path, method="kto", init_from=str(cloned), effective_batch_size=3)
    method = LabelledSets(config, TrainingData(COLUMNS, {}, 0, {}))
    rows = method.examples(method.texts(COLUMNS, load_tokenizer(str(cloned))))
    assert all(row["KL_completion_ids"] != row["completion_ids"] for row in rows)
    assert sorted(row["KL_completion_ids"] for row in rows) == sorted(row["completion_ids"] for row in rows)


def test_kto_weights_make_both_kinds_count_alike() -> None:
    weights = balanced_weights([True] * 2 + [False] * 5)
    assert 2 * weights["desirable_weight"] == pytest.approx(5 * weights["undesirable_weight"])


def test_kto_refuses_labels_of_one_kind(cloned: Path, reward_recipe: Recipe, tmp_path: Path) -> None:
    config = reward_recipe(tmp_path, method="kto", init_from=str(cloned))
    with pytest.raises(UserError, match="all labels here are the same"):
        LabelledSets(config, TrainingData(COLUMNS | {"label": [True] * 3}, {}, 0, {}))
