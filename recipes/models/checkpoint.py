"""What a checkpoint folder says of itself before any weight is loaded; needs no torch.

Reads the files that `recipes.train` leaves beside the weights:

    recipe.yaml            how it was trained, and with it the text it reads
    run_inputs.json        written when a run begins
    train_record.json      written when it has ended well
    trained_problems.json  hashes of the problems that it and what it started from were trained on
    adapter_config.json    of a PEFT adapter: names its base
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text
from dataset_builder.core.hub_ids import is_hub_id
from recipes.models.chat_template import DELIMITERS

RECORD_FILE = "train_record.json"
RECIPE_FILE = "recipe.yaml"
PROBLEMS_FILE = "trained_problems.json"
INPUTS_FILE = "run_inputs.json"
"""Written when a run begins; without the record beside it the run has not finished."""
ADAPTER_FILE = "adapter_config.json"
PUBLISHED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", RECIPE_FILE)
"""The files of a published checkpoint that loading reads."""
_HASHED_BYTES = 4 * 2**20


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


def check_named(path: str | Path) -> None:
    """Refuses a file, and a name of which nothing is here and that cannot be a Hub id: `outputs/bc`, `/data/bc`.

    Raises:
        UserError: it is such a name.
    """
    if Path(path).is_file() or not (Path(path).is_dir() or is_hub_id(str(path))):
        raise UserError(f"no checkpoint {path}; train it first, or give an existing folder or a Hub id")


def check_holds_model(path: str | Path) -> None:
    """Refuses what is not there, and a folder of this machine with neither a model nor an adapter in it.

    Args:
        path: as the user spelled it: a `Path` of `./bc` reads `bc`, which may be a Hub id.

    Raises:
        UserError: it is such a name or folder.
    """
    check_named(path)
    folder = Path(path)
    if folder.is_dir() and not any((folder / name).is_file() for name in ("config.json", ADAPTER_FILE)):
        raise UserError(f"{path} holds no checkpoint: no config.json and no {ADAPTER_FILE}; name a trained folder")


def checkpoint_fingerprint(path: Path) -> str:
    """sha256 over a checkpoint's file names, sizes and contents, sub-folders (an ILQL policy's weights) included.

    An adapter's base counts, too.

    Of a file larger than 8 MiB the first and last 4 MiB count, so that a 14 GB model costs no minute. A Hub id's
    fingerprint is that of its name.

    Raises:
        UserError: the folder does not exist although it looks like one, or is an adapter without its base.
    """
    if not path.is_dir():
        check_named(path)
        return hashlib.sha256(str(path).encode()).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if "checkpoints" not in file.relative_to(path).parts):
        if file.suffix in (".safetensors", ".bin") or file.name in ("config.json", ADAPTER_FILE):
            digest.update(f"{file.relative_to(path)}:{file.stat().st_size}".encode())
            with file.open("rb") as stream:
                digest.update(stream.read(_HASHED_BYTES))
                stream.seek(max(stream.tell(), file.stat().st_size - _HASHED_BYTES))
                digest.update(stream.read())
    if is_adapter(path):
        digest.update(checkpoint_fingerprint(_base_of(path)).encode())
    return digest.hexdigest()


def _base_of(adapter: Path) -> Path:
    base = Path(adapter_base(adapter))
    if not base.is_dir() and not is_hub_id(str(base)):
        raise UserError(f"the adapter {adapter} needs its base {base}, which is not there; put it back, or merge")
    return base
