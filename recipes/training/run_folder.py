"""The output folder of a run: whose it is, whether the run has finished, and what differs if it is another's.

Reads and writes `run_inputs.json`, the hashes of everything that shapes what is learnt:

    {"recipe_sha256": "88fd...", "examples_sha256": "8c9d...", "init_from_sha256": ""}
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from dataset_builder.core.config import resolved, save_resolved
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import file_sha256, write_json
from recipes.config.recipe import NOT_PART_OF_A_RUN, RecipeConfig
from recipes.training.record import INPUTS_FILE, RECIPE_FILE, RECORD_FILE


def recipe_hash(config: RecipeConfig) -> str:
    """sha256 of everything in the recipe that shapes what is learnt."""
    shaping = {key: value for key, value in resolved(config).items() if key not in NOT_PART_OF_A_RUN}
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()


def run_inputs(config: RecipeConfig, examples_sha256: str) -> dict[str, str]:
    """The hashes a run is known by: its recipe, its examples, and the record of the run it starts from."""
    start = Path(config.init_from) / RECORD_FILE
    return {
        "recipe_sha256": recipe_hash(config),
        "examples_sha256": examples_sha256,
        "init_from_sha256": file_sha256(start) if start.is_file() else "",
    }


def claim_output(config: RecipeConfig, inputs: dict[str, str]) -> bool:
    """Makes the output folder this run's own; True if the run has already finished there.

    A run that stopped before its first checkpoint leaves nothing worth keeping, so its folder may be taken over.

    Raises:
        UserError: the folder holds another run, or files that no run of ours wrote.
    """
    folder = config.output
    previous = folder / INPUTS_FILE
    started = (folder / RECORD_FILE).is_file() or any((folder / "checkpoints").glob("checkpoint-*"))
    if previous.is_file() and started:
        if json.loads(previous.read_text(encoding="utf-8")) != inputs:
            raise UserError(
                f"{folder} holds a run with other settings or data ({_difference(config)}); "
                "choose another --output_dir, or delete that folder"
            )
        if (folder / RECORD_FILE).is_file():
            return True
    elif not previous.is_file() and any(
        (folder / name).exists() for name in ("config.json", "adapter_config.json", RECORD_FILE)
    ):
        raise UserError(f"{folder} holds a model that no run of this program wrote; choose another --output_dir")
    if not config.resume:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    save_resolved(config, folder / RECIPE_FILE)
    write_json(previous, inputs)
    return False


def _difference(config: RecipeConfig) -> str:
    import yaml

    recipe = config.output / RECIPE_FILE
    before = yaml.safe_load(recipe.read_text(encoding="utf-8")) if recipe.is_file() else {}
    now = resolved(config)
    keys = [key for key in now if key not in NOT_PART_OF_A_RUN and before.get(key) != now[key]]
    return ", ".join(f"{key} was {before.get(key)!r}, is {now[key]!r}" for key in keys[:3]) or "its data have changed"
