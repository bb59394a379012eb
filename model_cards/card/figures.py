"""The figures on a model's card: the evaluation's forest plot with its own row marked, and the run's loss curve."""

from __future__ import annotations

import dataclasses
import textwrap
from pathlib import Path

from eval_harness.records.results import ResultsRecord
from eval_harness.reporting.forest_plot import OWN_MARK, forest_plot
from model_cards.card.content import CardContent
from model_cards.card.score_table import baseline_of, display_label
from recipes.config.methods import METHODS
from recipes.training.record import TrainRecord

ACCURACY, LOSS = "accuracy.png", "loss.png"
TITLES = {
    ACCURACY: "Accuracy of each pair with its 95 % interval",
    LOSS: "Training loss by update",
}


def write_figures(card: CardContent, checkpoint: Path, *, redraw: bool = True) -> list[dict[str, str]]:
    """Draws what there are data for beside the card; gives the files and titles, in the card's order.

    Args:
        card: its rows and its training record.
        checkpoint: the card's folder.
        redraw: draw what is there already again; a push takes what `cards` has drawn.
    """
    if redraw or not (checkpoint / ACCURACY).is_file():
        own = [row.name for row in card.own_rows if card.role == "decomposer"]
        records = [_named(row, is_own=row in card.own_rows and not own) for row in card.rows]
        forest_plot(records, (checkpoint / ACCURACY).with_suffix(""), baseline_of(card), own=own, kinds=("png",))
    if card.training.loss_curve and (redraw or not (checkpoint / LOSS).is_file()):
        draw_loss(card.training, checkpoint / LOSS)
    return [{"file": name, "title": title} for name, title in TITLES.items() if (checkpoint / name).is_file()]


def _named(row: ResultsRecord, *, is_own: bool) -> ResultsRecord:
    """The row with its labels as the table has them; `is_own`: its solver is the card's model."""
    solver = f"{row.solver['label']}{OWN_MARK if is_own else ''}"
    return dataclasses.replace(
        row, decomposer=row.decomposer | {"label": display_label(row)}, solver=row.solver | {"label": solver}
    )


def draw_loss(training: TrainRecord, path: Path) -> None:
    """The recorded loss curve, with the validation loss as a line where it was measured."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.3), layout="constrained")
    axes = figure.subplots()
    axes.plot([point[0] for point in training.loss_curve], [point[1] for point in training.loss_curve], color="C0")
    if training.validation_loss is not None:
        axes.axhline(training.validation_loss, color="0.5", linestyle="--", linewidth=1)
        axes.annotate("validation", (0.99, training.validation_loss), xycoords=("axes fraction", "data"),
                      ha="right", va="bottom", color="0.4")  # fmt: skip
    axes.set_xlabel("update")
    axes.set_ylabel(f"loss per {loss_unit(training.method)}")
    axes.margins(y=0.12)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("\n".join(textwrap.wrap(loss_sentence(training), 92)), fontsize=8, color="0.3", x=0.01, ha="left")
    figure.savefig(path, dpi=120, metadata={"Software": None})


def loss_sentence(training: TrainRecord) -> str:
    """What the curves of the loss figure are over."""
    method, dropped = METHODS[training.method], training.dropped_examples
    left_out = f" ({dropped:,} were left out by the method)" if dropped else ""
    text = f"Line: mean over the training rows of the updates since the point before{left_out}"
    if training.validation_loss is None:
        return f"{text}."
    whole = ", none of them left out" if dropped and method.validates_on is not method.trains_on else ""
    return f"{text}; dashed: mean over the validation rows{whole}, at the end."


def loss_unit(method: str) -> str:
    """What a method's loss is a mean over, see `TrainRecord.validation_loss`."""
    if METHODS[method].trains_values:
        return "action"
    units = {"preference": "pair", "unpaired_preference": "set"}
    return units.get(METHODS[method].dataset_config, "trained token")
