"""A training run, by the files that `recipes.train` leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dataset_builder.core.errors import UserError
from eval_harness.runs.run import Run, State, journal_cost
from recipes.models.checkpoint import INPUTS_FILE, RECORD_FILE, checkpoint_fingerprint, recorded_recipe
from recipes.training.checkpoints import CHECKPOINTS, is_at_work
from recipes.training.record import find_train_record

SOLVER_JOURNAL = "solver.sqlite"


def is_training(folder: Path) -> bool:
    """Whether a training run began there."""
    return (folder / INPUTS_FILE).is_file() or (folder / RECORD_FILE).is_file()


def training(folder: Path) -> Run:
    """The run of a folder."""
    try:
        recipe, record = recorded_recipe(folder), find_train_record(folder)
    except (UserError, yaml.YAMLError) as error:
        return Run(str(folder), "training", "broken", note=" ".join(str(error).split()))
    recipe = record.resolved_recipe if record else recipe
    state: State = "finished" if record else "running" if is_at_work(folder) else "stopped"
    return Run(
        folder=str(folder),
        kind="training",
        state=state,
        method=f"{recipe.get('method', '')} {recipe.get('adapter', '')}".strip(),
        backbone=Path(str(recipe.get("backbone", ""))).name,
        data=Path(str(recipe.get("dataset", ""))).name,
        cost_usd=journal_cost(folder / SOLVER_JOURNAL),
        hours=record.seconds / 3600 if record else None,
        note="" if record else _progress(folder, recipe),
        settings=recipe,
        weights_sha256=_weights(folder) if record else "",
    )


def _weights(folder: Path) -> str:
    try:
        return checkpoint_fingerprint(folder)
    except UserError:  # an adapter whose base is not here
        return ""


def _progress(folder: Path, recipe: dict[str, Any]) -> str:
    saved = [int(path.name.rpartition("-")[2]) for path in (folder / CHECKPOINTS).glob("checkpoint-*")]
    return f"update {max(saved, default=0)} of {recipe.get('max_steps', '?')} is saved"
