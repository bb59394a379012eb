"""Every run below a folder, a checkpoint with the scores that were given to its weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dataset_builder.core.errors import UserError
from eval_harness.runs.generated import generation, is_generation
from eval_harness.runs.run import Run
from eval_harness.runs.scored import evaluation, is_evaluation
from eval_harness.runs.trained import is_training, training


def find_runs(folder: Path) -> list[Run]:
    """The runs in the order of their folders.

    Raises:
        UserError: there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise UserError(f"no folder {folder}; name the one that runs write to, for instance outputs")
    runs = [run for place in _folders(folder) for run in _runs_of(place)]
    if not runs:
        raise UserError(f"no run in {folder}: no generation, training or evaluation began there")
    scores = {run.weights_sha256: run for run in runs if run.kind == "evaluation" and run.weights_sha256}
    return [_with_score(run, scores.get(run.weights_sha256)) if run.kind == "training" else run for run in runs]


def find_two(left: Path, right: Path) -> list[list[Run]]:
    """The lines of two runs; those that lie side by side with the scores that lie beside them.

    Raises:
        UserError: one of them is no run.
    """
    beside = left.parent == right.parent and left.is_dir() and right.is_dir()
    around = find_runs(left.parent) if beside else []
    found = [[run for run in around if run.folder.partition(":")[0] == str(place)] for place in (left, right)]
    return [lines or find_runs(place) for lines, place in zip(found, (left, right), strict=True)]


def _folders(folder: Path) -> Iterator[Path]:
    """The folder and those below; nothing below a run is one."""
    for place, below, _ in os.walk(folder):
        below[:] = [] if _runs_of_kind(Path(place)) else sorted(name for name in below if name[0] != ".")
        yield Path(place)


def _runs_of_kind(place: Path) -> bool:
    return is_training(place) or is_evaluation(place) or is_generation(place)


def _runs_of(place: Path) -> list[Run]:
    if is_training(place):
        return [training(place)]
    if is_generation(place):
        return [generation(place)]
    return evaluation(place) if is_evaluation(place) else []


def _with_score(run: Run, score: Run | None) -> Run:
    if score is None or not run.weights_sha256:
        return run
    return replace(run, accuracy=score.accuracy, low=score.low, high=score.high, n=score.n)
