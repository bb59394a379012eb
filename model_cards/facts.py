"""Everything a model card says, gathered from records; a fact that is missing is an error that names it.

Reads a checkpoint folder's `train_record.json` and an evaluation's `results/*.json`. Nothing here is typed in by hand:
a card can only say what a record holds. Local paths are reduced to their last part, so none reaches a card.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.errors import UserError
from eval_harness.results import ResultsRecord, load_records
from recipes.record import TrainRecord, read_train_record

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class CardFacts:
    """What the template may use."""

    name: str
    """The model's own name: the repo's last part, or the folder's."""
    repo_id: str
    """Where the model is or will be on the Hub; empty: nowhere yet."""
    base_model: str | None
    """The Hub id of the base; None where the weights were made from scratch."""
    dataset_id: str | None
    """The Hub id of the training data; None where it was built locally and not pushed."""
    licence: str
    training: TrainRecord
    rows: tuple[ResultsRecord, ...]
    """Every pair of the evaluation, so that the no-decomposition and teacher rows stand beside the model's own."""
    own_row: ResultsRecord

    @property
    def is_adapter(self) -> bool:
        return self.training.adapter != "full"

    @property
    def dataset_name(self) -> str:
        return self.dataset_id or Path(self.training.dataset["path"]).name


def gather_facts(
    checkpoint: Path,
    results: Path,
    *,
    repo_id: str = "",
    base_model: str = "",
    dataset_id: str = "",
    licence: str = "",
) -> CardFacts:
    """Collects the facts of one checkpoint.

    Args:
        checkpoint: a finished run's folder.
        results: an evaluation's output folder, with a row of this checkpoint.
        repo_id: the model's Hub id, if it has one.
        base_model: the base's Hub id, where the recipe started from a local folder.
        dataset_id: the training data's Hub id, where the recipe read a local folder.
        licence: the licence of the weights; needed where a base model has one of its own.

    Raises:
        UserError: a record or a fact is missing, or a request of the evaluation failed.
    """
    training = read_train_record(checkpoint)
    rows = tuple(load_records(results))
    for row in rows:
        if not row.publishable:
            raise UserError(f"{row.name}: a request failed, so its score is not publishable; run the evaluation again")
    base = _base_model(training, base_model)
    if base and not licence:
        raise UserError(f"the licence of the weights is missing: give --licence as the card of {base} has it")
    return CardFacts(
        name=(repo_id or checkpoint.resolve().name).rpartition("/")[2],
        repo_id=repo_id,
        base_model=base,
        dataset_id=dataset_id or _hub_id(training.dataset["path"]),
        licence=licence or "apache-2.0",
        training=training,
        rows=rows,
        own_row=_own_row(rows, checkpoint, training),
    )


def _base_model(training: TrainRecord, given: str) -> str | None:
    """The base's Hub id; a tiny backbone has none, since its weights were drawn at random."""
    if training.backbone == "tiny":
        return None
    base = given or _hub_id(training.backbone)
    if base is None:
        raise UserError(f"the base model's Hub id is missing: {training.backbone!r} is a folder; give --base_model")
    return base


def _hub_id(name: str) -> str | None:
    return name if HUB_ID.fullmatch(name) and not Path(name).exists() else None


def _own_row(rows: tuple[ResultsRecord, ...], checkpoint: Path, training: TrainRecord) -> ResultsRecord:
    own = [
        row
        for row in rows
        if row.decomposer["kind"] == "checkpoint"
        and Path(row.decomposer["checkpoint"]).resolve() == checkpoint.resolve()
        and row.decomposer["recipe_sha256"] == training.recipe_sha256
    ]
    if not own:
        raise UserError(
            f"the evaluation has no row of {checkpoint}; run eval_harness.run with checkpoint:{checkpoint}"
        )
    return own[0]
