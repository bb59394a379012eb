"""What a study's evaluating steps have left: one cell per row, solver, backbone and seed.

Reads the steps' `results/`, `verdicts/` and, for tokens, `predictions/`. A step that has not finished leaves no cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from eval_harness.records.predictions import load_predictions
from eval_harness.records.rows import PairRow, load_rows
from eval_harness.study.expand import cell_steps
from eval_harness.study.study_file import Cells, Scale

TEACHER = "teacher"
"""Stands for whoever is asked over an endpoint to decompose."""
ENDS = {"smallest": 0, "largest": -1}
"""Stand for the first and the last of a scale's backbones."""


@dataclass(frozen=True)
class Cell:
    """One decomposer with one solver on one evaluation's problems."""

    evaluation: str
    """The evaluation's name."""
    row: str
    """The decomposer's: a student's name in the study, or what its record calls it."""
    solver: str
    """Likewise."""
    backbone: str
    """Of the student in it; empty where there is none."""
    seed: int
    """Of its training; 0 where there is none."""
    pair: PairRow
    """Record and verdicts."""
    folder: Path
    """The step's."""

    @property
    def trained(self) -> bool:
        """Whether a student is in it."""
        return bool(self.backbone)

    @property
    def label(self) -> str:
        """The row, a student's with its backbone."""
        is_student = self.trained and self.pair.record.decomposer["kind"] == "checkpoint"
        return f"{self.row} {self.backbone}" if is_student else self.row

    @property
    def solver_label(self) -> str:
        """The solver, a student with its backbone."""
        is_student = self.trained and self.pair.record.solver["kind"] == "transformers"
        return f"{self.solver} {self.backbone}" if is_student else self.solver

    def tokens(self) -> dict[str, float]:
        """problem_id -> tokens of both roles, prompts included, a run."""
        predictions = load_predictions(self.folder / self.pair.record.predictions["path"])
        totals: dict[str, float] = {}
        for item in predictions:
            usages = (item.decomposition.usage, item.reply.usage)
            spent = sum(usage.prompt_tokens + usage.completion_tokens for usage in usages)
            totals[item.problem_id] = totals.get(item.problem_id, 0.0) + spent / len(self.pair.record.seeds)
        return totals


def read_cells(scale: Scale, folders: Mapping[str, Path]) -> list[Cell]:
    """The cells of the steps that have finished, in the study's order.

    Args:
        scale: the study at its scale.
        folders: step -> its folder.

    Raises:
        UserError: a record cannot be read, or cells of one evaluation were asked different problems.
    """
    cells = []
    for step in cell_steps(scale):
        folder = folders.get(step.step)
        if folder is None or not (folder / "results").is_dir():
            continue
        student = step.row or step.solver
        for pair in load_rows(folder):
            row = step.row.student if step.row else pair.record.label
            solver = step.solver.student if step.solver else str(pair.record.solver["label"])
            backbone, seed = (student.backbone, student.seed) if student else ("", 0)
            cells.append(Cell(step.evaluation, row, solver, backbone, seed, pair, folder))
    _check_same_problems(cells)
    return cells


def _check_same_problems(cells: Sequence[Cell]) -> None:
    asked: dict[str, str] = {}
    for cell in cells:
        sha256 = str(cell.pair.record.dataset["sha256"])
        if asked.setdefault(cell.evaluation, sha256) != sha256:
            raise UserError(f"cells of {cell.evaluation} were asked different problems; run the study again")


def choose(cells: Sequence[Cell], which: Cells, backbones: Sequence[str]) -> list[Cell]:
    """The cells that a claim means.

    Args:
        cells: all of the study.
        which: what the claim says of them.
        backbones: of the scale, in its order.
    """
    backbone = backbones[ENDS[which.backbone]] if which.backbone in ENDS and backbones else which.backbone
    return [
        cell
        for cell in cells
        if cell.evaluation == which.evaluation
        and (cell.row == which.row or (which.row == TEACHER and cell.pair.record.decomposer["kind"] == "api"))
        and which.solver in ("", cell.solver)
        and (not backbone or backbone == cell.backbone)
    ]
