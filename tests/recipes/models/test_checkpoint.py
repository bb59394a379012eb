"""What a checkpoint folder says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.core.errors import UserError
from recipes.models.checkpoint import adapter_base, recorded_format


def test_adapter_base_on_the_hub_stays_as_recorded(tmp_path: Path) -> None:
    values = {"base_model_name_or_path": "mistralai/Mistral-7B-v0.1"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(values), encoding="utf-8")
    assert adapter_base(tmp_path) == "mistralai/Mistral-7B-v0.1"


def test_damaged_adapter_configuration_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        adapter_base(tmp_path)


def test_text_format_is_the_recipes_and_none_without_a_recipe(tmp_path: Path) -> None:
    assert recorded_format(tmp_path) == ""
    (tmp_path / "recipe.yaml").write_text("method: bc\n", encoding="utf-8")
    assert recorded_format(tmp_path) == "delimiters"
    (tmp_path / "recipe.yaml").write_text("text_format: chat\n", encoding="utf-8")
    assert recorded_format(tmp_path) == "chat"
