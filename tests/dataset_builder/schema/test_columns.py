"""Every config has columns, each with a type that `datasets` takes and a meaning."""

from __future__ import annotations

import pytest
from datasets import List, Value

from dataset_builder.schema.columns import CONFIGS, DATASET_CONFIGS, column_rows, features, type_text
from tests.golden.write_columns import PAGE, format_text


@pytest.mark.parametrize("config", CONFIGS)
def test_every_config_has_columns_that_datasets_takes(config: str) -> None:
    assert "problem" in features(config) or "problem_id" in features(config)


@pytest.mark.parametrize("config", CONFIGS)
def test_every_config_and_column_is_explained(config: str) -> None:
    assert DATASET_CONFIGS[config].about
    assert all(row["meaning"] for row in column_rows(config))


def test_a_written_type_is_the_one_that_datasets_reads() -> None:
    columns = features("default")
    assert columns["votes"] == List(List(Value("bool")))
    assert columns["failures"].feature == {name: Value("string") for name in ("stage", "kind", "detail")}
    assert type_text([["bool"]]) == "list of list of bool"


def test_a_shared_column_has_one_type_in_every_config() -> None:
    kinds: dict[str, set[str]] = {}
    for config in CONFIGS:
        for name, kind in features(config).items():
            kinds.setdefault(name, set()).add(str(kind))
    assert {name for name, result in kinds.items() if len(result) > 1} == set()


def test_the_page_has_the_format_as_it_is_today() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("<!-- columns: start -->\n")[2]
    assert text.partition("<!-- columns: end -->")[0].strip() == format_text(), "python -m tests.golden.write_columns"
