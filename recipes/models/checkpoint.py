"""What a checkpoint folder says of itself before any weight is loaded; needs no torch.

Reads the files that `recipes.train` leaves beside the weights:

    recipe.yaml            how it was trained, and with it the text it reads
    run_inputs.json        written when a run begins
    train_record.json      written when it has ended well
    trained_problems.json  hashes of the problems that it and what it started from were trained on
    adapter_config.json    of a PEFT adapter: names its base
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text
from recipes.models.chat_template import DELIMITERS

RECORD_FILE = "train_record.json"
RECIPE_FILE = "recipe.yaml"
PROBLEMS_FILE = "trained_problems.json"
INPUTS_FILE = "run_inputs.json"
"""Written when a run begins; without the record beside it the run has not finished."""
ADAPTER_FILE = "adapter_config.json"
PUBLISHED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", RECIPE_FILE)
"""The files of a published checkpoint that loading reads."""


def is_adapter(path: str | Path) -> bool:
    """Whether `path` is a folder with a PEFT adapter."""
    return (Path(path) / ADAPTER_FILE).is_file()


def adapter_base(path: str | Path) -> str:
    """The base of an adapter folder: as recorded, or, where that is a relative path, seen from the adapter.

    Raises:
        UserError: the adapter's configuration cannot be read.
    """
    folder = Path(path)
    try:
        base = str(json.loads((folder / ADAPTER_FILE).read_text(encoding="utf-8"))["base_model_name_or_path"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / ADAPTER_FILE} is damaged; train the adapter again") from error
    # A folder that was moved or copied with its base still stands beside it.
    candidates = [Path(base), folder / base, *(parent / Path(base).name for parent in folder.resolve().parents[:2])]
    return next((str(candidate) for candidate in candidates if (candidate / "config.json").is_file()), base)


def lasting_name(base: str) -> str:
    """How an adapter names its base: a folder by its whole path, so that it is found from anywhere; a Hub id as it is.

    The whole path never leaves this machine: what is published names the base by its Hub id.
    """
    return str(Path(base).resolve()) if Path(base).is_dir() else base


def recorded_recipe(path: str | Path) -> dict[str, Any]:
    """The resolved recipe of a checkpoint trained here; empty for a model of other origin."""
    recipe = Path(path) / RECIPE_FILE
    return (yaml.safe_load(read_text(recipe)) or {}) if recipe.is_file() else {}


def recorded_format(path: str | Path) -> str:
    """The text format that a checkpoint of ours was trained on; "" for a model of other origin."""
    return str(recorded_recipe(path).get("text_format", DELIMITERS)) if (Path(path) / RECIPE_FILE).is_file() else ""


def check_finished(path: str | Path) -> None:
    """Refuses the folder of a run that is still under way, or was killed.

    Raises:
        UserError: a run of ours began there and left no record.
    """
    folder = Path(path)
    if (folder / INPUTS_FILE).is_file() and not (folder / RECORD_FILE).is_file():
        raise UserError(f"the run in {folder} has not finished (no {RECORD_FILE}); start the same command to resume")
