"""Loads one config and split of the dataset: the only reader that later stages use.

A local folder is read where it stands; a Hub id is downloaded by `datasets`. What is missing is named,
with what there is.

    >>> load_subq("prompt_completion", "train")[0]["completion"]  # doctest: +SKIP
    ' <QUE> How many bolts of white fiber does it take? </QUE> <QUE> How many bolts in total does it take? </QUE>'
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import is_on_hub
from dataset_builder.dataset_folder.layout import FACTS_FILE, read_facts, splits_by_config
from dataset_builder.hub.connection import hub_or_cache
from dataset_builder.schema.records import SCHEMA_VERSION

if TYPE_CHECKING:
    from datasets import Dataset

DEFAULT_PATH = "gsm8k-ai-subq"
FEEDBACK_REMEDY = "generate with --votes 3 (in the same folder only the votes are paid) and build again"
_WHY_MISSING = {
    "trajectories": f"no feedback, which config 'trajectories' is made of: {FEEDBACK_REMEDY}",
    "preference": "no preference pairs, for no problem has two sets of which one is better: generate with more --sets",
}


def load_subq(
    config: str = "default", split: str = "train", path: str = DEFAULT_PATH, revision: str | None = None
) -> Dataset:
    """One split of one config.

    Args:
        config: one of `schema.columns.CONFIGS` that the dataset has rows for.
        split: train, validation or test.
        path: a dataset folder that `build` wrote, or a Hub id ("org/gsm8k-ai-subq").
        revision: a tag or commit of the Hub's dataset; a local folder has none.

    Raises:
        UserError: there is no such folder, repository, config or split.
    """
    if is_on_hub(path, namespace=True):
        return _load_from_hub(config, split, path, revision)
    folder = Path(path)
    read_facts(folder)
    if revision is not None:
        raise UserError(f"{path} is a local folder and has no revision {revision!r}; give a Hub id or leave it out")
    _check(path, config, split, splits_by_config(folder))
    from datasets import load_dataset

    # A relative path without a dot may be taken for a Hub id.
    return load_dataset(str(folder.absolute()), config, split=split)


def _load_from_hub(config: str, split: str, repo_id: str, revision: str | None) -> Dataset:
    not_asked = hub_or_cache()
    from datasets import get_dataset_config_names, get_dataset_split_names, load_dataset
    from datasets.exceptions import DatasetNotFoundError

    try:
        configs = get_dataset_config_names(repo_id, revision=revision)
        splits = get_dataset_split_names(repo_id, config, revision=revision) if config in configs else []
    except (DatasetNotFoundError, ConnectionError) as error:
        reason = f"the Hub cannot be asked: {not_asked}" if not_asked else f"{type(error).__name__}: {error}"
        raise UserError(
            f"neither a folder {repo_id} nor a dataset of that name on the Hub can be read ({reason}); "
            "build one with `python -m dataset_builder.build`, or check the name, revision and connection"
        ) from error
    _check(repo_id, config, split, {name: splits if name == config else [] for name in configs})
    _check_hub_schema(repo_id, revision)
    return load_dataset(repo_id, config, split=split, revision=revision)


def _check_hub_schema(repo_id: str, revision: str | None) -> None:
    """Refuses a dataset on the Hub that another schema was written with; one without facts is taken as it is."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        path = hf_hub_download(repo_id, FACTS_FILE, repo_type="dataset", revision=revision)
    except EntryNotFoundError:
        return
    schema = json.loads(Path(path).read_text(encoding="utf-8")).get("schema_version")
    if schema != SCHEMA_VERSION:
        raise UserError(
            f"{repo_id} has schema {schema}, and this toolkit reads {SCHEMA_VERSION}; name a revision of that schema "
            "(--dataset_revision), or load it with the release of the toolkit that wrote it"
        )


def _check(path: str, config: str, split: str, existing: dict[str, list[str]]) -> None:
    if config not in existing and config in _WHY_MISSING and "default" in existing:
        raise UserError(f"{path} has {_WHY_MISSING[config]}; it has {', '.join(existing)}")
    if config not in existing:
        raise UserError(f"{path} has no config {config!r}; it has {', '.join(existing)}")
    if split not in existing[config]:
        raise UserError(f"{path} has no {split!r} split in config {config!r}; it has {', '.join(existing[config])}")
