"""Which rows of an evaluation are a checkpoint's own, and which must stand beside them on a card."""

from __future__ import annotations

from pathlib import Path

from dataset_builder.core.errors import UserError
from eval_harness.records.results import ResultsRecord
from recipes.models.checkpoint import checkpoint_fingerprint

Rows = tuple[ResultsRecord, ...]


def find_own_rows(rows: Rows, checkpoint: Path, recipe_sha256: str, role: str) -> Rows:
    """The rows of this checkpoint in its role, one per partner; known by its recipe and weights, wherever it lies.

    Args:
        rows: the evaluation's records.
        checkpoint: the run's folder.
        recipe_sha256: the recipe that its training record names.
        role: decomposer or solver.

    Raises:
        UserError: there is none, or the weights have changed since.
    """
    half = "solver" if role == "solver" else "decomposer"
    same_recipe = tuple(row for row in rows if getattr(row, half).get("recipe_sha256") == recipe_sha256)
    if not same_recipe:
        spec = f"transformers:{checkpoint} as a solver" if half == "solver" else f"checkpoint:{checkpoint}"
        raise UserError(f"the evaluation has no row of {checkpoint}; run eval_harness.run with {spec}")
    weights = checkpoint_fingerprint(checkpoint)
    own = tuple(row for row in same_recipe if getattr(row, half).get("weights_sha256") == weights)
    if not own:
        raise UserError(f"the evaluation saw other weights than {checkpoint} holds now; run it again")
    return own


def check_required_rows(rows: Rows, own_rows: Rows, role: str) -> None:
    """A score says little without others beside it.

    Raises:
        UserError: names the row that must stand beside this model's, and how to get it.
    """
    (_check_solvers if role == "solver" else _check_decomposers)(rows, own_rows)


def _check_solvers(rows: Rows, own_rows: Rows) -> None:
    """A solver's score needs another solver's beside it, on the same sub-questions."""
    for own in own_rows:
        others = {row.solver["label"] for row in rows if row.label == own.label} - {own.solver["label"]}
        if not others:
            raise UserError(
                f"another solver's row is missing for decomposer {own.label}: run the evaluation again with the "
                "teacher (openai:MODEL) among --solvers"
            )


def _check_decomposers(rows: Rows, own_rows: Rows) -> None:
    """The same solver without decomposition, and with a better one, must stand beside a decomposer's score."""
    for own in own_rows:
        kinds = {row.decomposer["kind"] for row in rows if row.solver["label"] == own.solver["label"]}
        if "none" not in kinds:
            raise UserError(
                f"the row without decomposition is missing for solver {own.solver['label']}: run the evaluation again "
                "with `none` among --decomposers"
            )
        if not kinds & {"api", "recorded", "reference"}:
            raise UserError(
                f"the teacher's row is missing for solver {own.solver['label']}: run the evaluation again with the "
                "teacher (api:MODEL or recorded:FILE) or `reference` among --decomposers"
            )
