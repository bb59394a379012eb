"""The output folder of a run: whose it is, what differs if it is another's, and how it is finished.

Reads and writes `run_inputs.json`, the hashes of everything that shapes what is learnt:

    {"recipe_sha256": "88fd...", "examples_sha256": "8c9d...", "init_from_sha256": ""}
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from dataset_builder.core.config import resolved, save_resolved
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import file_sha256, read_text, write_json
from recipes.config.recipe import NOT_PART_OF_A_RUN, RecipeConfig
from recipes.data.load import TrainingData
from recipes.data.trained_problems import TrainedProblems, chain_of, write_trained_problems
from recipes.models.checkpoint import INPUTS_FILE, RECIPE_FILE, RECORD_FILE
from recipes.models.types import CausalLM
from recipes.training.checkpoints import CHECKPOINTS
from recipes.training.record import Measured, TrainRecord, find_train_record, run_environment, write_train_record


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

    A run that stopped before its first checkpoint leaves nothing worth keeping, so its folder is used again.

    Raises:
        UserError: the folder holds another run, or files that no run of ours wrote.
    """
    folder = config.output
    previous = folder / INPUTS_FILE
    started = (folder / RECORD_FILE).is_file() or any((folder / CHECKPOINTS).glob("checkpoint-*"))
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
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    save_resolved(config, folder / RECIPE_FILE)
    write_json(previous, inputs)
    return False


def finish_output(
    config: RecipeConfig, data: TrainingData, model: CausalLM, measured: Measured, plan: dict[str, Any]
) -> None:
    """Writes the problems and the record, by which a run is known to have finished, and takes the checkpoints away.

    Args:
        config: the recipe.
        data: what was trained on.
        model: its weights are on disk; here they are counted.
        measured: what the run says of itself.
        plan: what was planned for this machine.
    """
    problems = _trained_problems(config, data)
    write_trained_problems(problems, config.output)
    curve = [loss for _, loss in measured.loss_curve]
    last = curve[-max(1, len(curve) // 10) :]
    record = TrainRecord(
        method=config.method,
        recipe=f"{Path(config.backbone).name}/{config.name}",
        recipe_sha256=recipe_hash(config),
        backbone=config.backbone,
        adapter=config.adapter,
        init_from=config.init_from,
        dataset=data.facts,
        examples=data.count,
        dropped_examples=data.dropped,
        trained_problems=len(problems.trained_on),
        updates_before=_updates_before(config),
        effective_batch_size=config.effective_batch_size,
        plan=plan,
        tokens_per_second=round(measured.read_tokens / measured.seconds, 1) if measured.seconds else None,
        train_loss=sum(last) / len(last) if last else None,
        seed=config.seed,
        resolved_recipe=resolved(config),
        **vars(measured),
        **run_environment(model),
    )
    write_train_record(record, config.output)
    shutil.rmtree(config.output / CHECKPOINTS)


def _trained_problems(config: RecipeConfig, data: TrainingData) -> TrainedProblems:
    chosen_by: list[str] = []
    if config.choose_by != "last":
        from recipes.training.selection import load_validation_prompts

        chosen_by = load_validation_prompts(config).prompts
    return chain_of(config, data.train.get("prompt", []), chosen_by)


def _updates_before(config: RecipeConfig) -> int:
    start = find_train_record(config.init_from) if config.init_from else None
    return start.updates + start.updates_before if start else 0


def _difference(config: RecipeConfig) -> str:
    import yaml

    recipe = config.output / RECIPE_FILE
    before = yaml.safe_load(read_text(recipe)) if recipe.is_file() else {}
    now = resolved(config)
    keys = [key for key in now if key not in NOT_PART_OF_A_RUN and before.get(key) != now[key]]
    return ", ".join(f"{key} was {before.get(key)!r}, is {now[key]!r}" for key in keys[:3]) or "its data have changed"
