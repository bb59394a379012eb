"""The layout of a dataset folder, and its own facts: what is where, and how to read rows without the `datasets` cache.

    gsm8k-ai-subq/
      README.md                                    the card; its YAML names every config, split, count and content hash
      facts.json                                   what the build counted; its `kind` marks the folder as ours
      croissant.json                               the same for catalogues, in MLCommons' JSON-LD
      data/<config>/<split>-00000-of-00001.parquet
      figures/*.png, *.svg                         after `python -m dataset_builder.stats`

There is never a Python file inside: `datasets` refuses a folder that holds a script.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dataset_builder.core.checks import typed_json
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_json
from dataset_builder.dataset_folder.facts import DatasetFacts
from dataset_builder.schema.columns import CONFIGS
from dataset_builder.schema.records import SCHEMA_VERSION, SPLITS

FACTS_FILE = "facts.json"
CARD_FILE = "README.md"
FIGURES_FOLDER = "figures"
KIND = "gsm8k-ai-subq dataset folder"


def shard_path(folder: Path, config: str, split: str, number: int, count: int) -> Path:
    """Where shard `number` of `count` of a split lies.

    Args:
        folder: the dataset folder.
        config: the config.
        split: the split.
        number: the shard's, from 0.
        count: of all shards of the split.
    """
    return folder / "data" / config / f"{split}-{number:05d}-of-{count:05d}.parquet"


def shards(folder: Path, config: str, split: str) -> list[Path]:
    """The parquet files of a split, in order; empty when it has none."""
    return sorted((folder / "data" / config).glob(f"{split}-*-of-*.parquet"))


def splits_by_config(folder: Path) -> dict[str, list[str]]:
    """The configs that have rows, in the schema's order, each with its splits."""
    present = {config: [str(split) for split in SPLITS if shards(folder, config, split)] for config in CONFIGS}
    return {config: splits for config, splits in present.items() if splits}


def is_dataset_folder(folder: Path) -> bool:
    """Whether `folder` was written by `build`."""
    try:
        facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and facts.get("kind") == KIND


def read_facts(folder: Path) -> dict[str, Any]:
    """What the build wrote down about the dataset.

    Raises:
        UserError: the folder is missing, is not a dataset folder of ours, or has another schema.
    """
    if not is_dataset_folder(folder):
        state = "holds no facts.json of ours" if folder.is_dir() else "does not exist"
        raise UserError(
            f"{folder} {state}; build it with `python -m dataset_builder.build --raw FILE --output {folder}`"
        )
    facts: dict[str, Any] = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    typed_json(DatasetFacts, facts, str(folder / FACTS_FILE), "build the dataset again")
    if facts["schema_version"] != SCHEMA_VERSION:
        raise UserError(
            f"{folder} has schema {facts['schema_version']}, and this toolkit reads {SCHEMA_VERSION}; convert it by "
            f"building it again: `python -m dataset_builder.build --generation RUN --output {folder}` (--raw or "
            "--published where it came from published files)"
        )
    return facts


def default_sha256(folder: Path) -> dict[str, str]:
    """By split: the content hash of the default config, as the build wrote it down.

    Raises:
        UserError: the folder is no dataset folder of ours.
    """
    splits = read_facts(folder)["configs"].get("default", {})
    return {split: facts["sha256"] for split, facts in splits.items() if "sha256" in facts}


def write_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Writes `facts.json`, whole or not at all."""
    write_json(folder / FACTS_FILE, facts)


def iterate_rows(
    folder: Path, config: str, splits: Sequence[str] = SPLITS, columns: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a config as plain dicts, read in batches; nothing when the config has no rows.

    Args:
        folder: the dataset folder.
        config: the config.
        splits: in this order.
        columns: only these; None: all.
    """
    import pyarrow.parquet as parquet

    for split in splits:
        for path in shards(folder, config, split):
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(1000, columns=list(columns) if columns else None):
                    yield from batch.to_pylist()
