"""Checks a dataset folder's card offline, before anything is uploaded: what the Hub and `datasets` would refuse.

The Hub's own check is a request, and `datasets` checks only the config that is loaded. This one reads every config's
parquet metadata: counts, columns and types must be those of the card; licence, sizes and categories must be values
that the Hub knows. Each problem is one line that names the key.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dataset_builder.dataset_folder.layout import CARD_FILE, shards, splits_by_config
from dataset_builder.hub.card_rules import SIZES, licence_problem, placeholders
from dataset_builder.schema.columns import features

_FIGURE = re.compile(r'!\[[^\]]*\]\(([^)]+)\)|<img src="([^"]+)"')


def card_problems(folder: Path) -> list[str]:
    """What is wrong with the folder's card; an empty list when nothing is."""
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(folder / CARD_FILE)
    metadata = card.data.to_dict()
    problems = [*_vocabulary_problems(metadata), *_body_problems(card.text, folder)]
    present = splits_by_config(folder)
    stated = {entry["config_name"]: entry for entry in metadata.get("configs", [])}
    infos = {entry["config_name"]: entry for entry in metadata.get("dataset_info", [])}
    if set(stated) != set(present) or set(infos) != set(present):
        problems.append(
            f"configs: the card names {sorted(stated)} and {sorted(infos)}, the folder has {sorted(present)}"
        )
    if [name for name, entry in stated.items() if entry.get("default")] != ["default"]:
        problems.append("configs: exactly the config named default must be the default")
    for config in set(present) & set(stated) & set(infos):
        problems += _config_problems(folder, config, present[config], stated[config], infos[config])
    problems += [f"{path.name}: datasets refuses a folder with a script" for path in folder.rglob("*.py")]
    return problems


def _vocabulary_problems(metadata: dict[str, Any]) -> list[str]:
    keys = ("task_categories", "size_categories", "pretty_name", "tags", "annotations_creators")
    unknown = [size for size in metadata.get("size_categories", []) if size not in SIZES]
    return [
        *licence_problem(metadata),
        *(f"{key}: missing" for key in keys if not metadata.get(key)),
        *(f"size_categories: {size!r} is unknown" for size in unknown),
    ]


def _body_problems(text: str, folder: Path) -> list[str]:
    problems = placeholders(text)
    shown = (match[1] or match[2] for match in _FIGURE.finditer(text))
    return problems + [
        f"body: the figure {name} is not in the folder" for name in shown if not (folder / name).is_file()
    ]


def _config_problems(
    folder: Path, config: str, splits: list[str], stated: dict[str, Any], info: dict[str, Any]
) -> list[str]:
    import pyarrow.parquet as parquet

    problems = []
    counts = {split["name"]: split["num_examples"] for split in info["splits"]}
    if [entry["split"] for entry in stated["data_files"]] != splits or list(counts) != splits:
        problems.append(f"{config}: the card's splits are not the folder's {', '.join(splits)}")
    for split in splits:
        paths = shards(folder, config, split)
        rows = sum(parquet.read_metadata(path).num_rows for path in paths)
        if rows != counts.get(split):
            problems.append(f"{config}/{split}: the card says {counts.get(split)} rows, the files hold {rows}")
        expected = features(config).arrow_schema
        problems += [
            f"{path.name} of {config}: other columns"
            for path in paths
            if not parquet.read_schema(path).equals(expected)
        ]
    return problems
