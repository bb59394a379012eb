"""The figures on a model's card: the evaluation's forest plot, and the training run's loss curve."""

from __future__ import annotations

import shutil
from pathlib import Path

from recipes.training.record import TrainRecord

ACCURACY, LOSS = "accuracy.png", "loss.png"
TITLES = {
    ACCURACY: "Accuracy of each decomposer with its 95 % interval",
    LOSS: "Training loss by update",
}


def write_figures(
    training: TrainRecord, results: Path, checkpoint: Path, *, redraw: bool = True
) -> list[dict[str, str]]:
    """Puts the figures that there are data for beside the card; gives their files and titles, in the card's order.

    Args:
        training: the record that holds the loss curve.
        results: the evaluation's output.
        checkpoint: the card's folder.
        redraw: draw a loss curve that is there already again; a push takes the one that `cards` has drawn.
    """
    if (results / ACCURACY).is_file():
        shutil.copyfile(results / ACCURACY, checkpoint / ACCURACY)
    if training.loss_curve and (redraw or not (checkpoint / LOSS).is_file()):
        draw_loss(training, checkpoint / LOSS)
    return [{"file": name, "title": title} for name, title in TITLES.items() if (checkpoint / name).is_file()]


def draw_loss(training: TrainRecord, path: Path) -> None:
    """The recorded loss curve, with the validation loss as a line where it was measured."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([point[0] for point in training.loss_curve], [point[1] for point in training.loss_curve], color="C0")
    if training.validation_loss is not None:
        axes.axhline(training.validation_loss, color="0.5", linestyle="--", linewidth=1)
        axes.annotate("validation, at the end", (0.99, training.validation_loss), xycoords=("axes fraction", "data"),
                      ha="right", va="bottom", color="0.4")  # fmt: skip
    axes.set_xlabel("update")
    axes.set_ylabel("loss per trained token")
    axes.margins(y=0.12)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
