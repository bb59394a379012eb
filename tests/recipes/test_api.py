"""The package's Python use, as its README has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from recipes import load_decomposer
from recipes.config.recipe import RecipeConfig
from recipes.train import run_recipe
from tests.support.readme import run_examples


def test_the_readme_runs_as_printed(
    recipe: Callable[..., RecipeConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_recipe(recipe(tmp_path / "outputs" / "demo" / "filtered_bc"))
    monkeypatch.chdir(tmp_path)
    names = run_examples("recipes/README.md")
    assert names["asked"].text is not None
    assert bool(names["asked"].sub_questions) != bool(names["asked"].failure)
    many = names["decomposer"].decompose_all(
        [("Ann has 3 pens and buys 4 more. How many pens does Ann have?", "")] * 2
    )
    assert [item.text for item in many] == [names["asked"].text] * 2


def test_a_folder_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=str(tmp_path)):
        load_decomposer(tmp_path)
