"""Accuracy on the test problems while the rows learn: by what the solver was asked, and by further updates.

A thick line is the mean of the seeds, a thin one a seed. Dashed: rows that ask no solver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.experiments.online_rl.rows import REFERENCE, ROWS

COLOURS = {
    "bc, further": "#8fa3b0",
    "expert_iteration, from bc": "#d9a441",
    "grpo, from bc": "#7fb3d5",
    "resampled_bc, further": "#4a5a66",
    "expert_iteration, from resampled_bc": "#a8560f",
    "grpo, from resampled_bc": "#1f5f8b",
    "cloned_teacher": "#c79fc4",
    "on_policy_distillation": "#7b3f8c",
}
"""Of each row that has a curve; a start's rows are pale or dark alike."""
Points = list[tuple[float, float, float]]
"""(update, calls, accuracy), in order."""


def points_of(part: Mapping[str, Any], start: Mapping[str, Any]) -> Points:
    """A part's curve, from its start on."""
    first = (0.0, 0.0, fmean(start["outcomes"].values()))
    return [first, *((point["update"], point["calls"], fmean(point["right"])) for point in part["points"])]


def draw_curves(rows: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Draws the rows that are there with their starts; `rows`: row -> its part of each seed."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(10, 5.6), layout="constrained")
    by_calls, by_updates = figure.subplots(1, 2, sharey=True)
    names = [name for name in COLOURS if name in rows and ROWS[name].start in rows]
    for name in names:
        curves = [points_of(*pair) for pair in zip(rows[name], rows[ROWS[name].start], strict=True)]
        asks = curves[0][-1][1] > 0
        for axes, column in ((by_calls, 1), (by_updates, 0)):
            if axes is by_calls and not asks:
                continue
            style = {"color": COLOURS[name], "linestyle": "-" if asks else "--"}
            for curve in curves:
                axes.plot(
                    [point[column] for point in curve], [point[2] for point in curve], alpha=0.35, lw=0.8, **style
                )
            means = [[fmean(values) for values in zip(*same, strict=True)] for same in zip(*curves, strict=True)]
            axes.plot([mean[column] for mean in means], [mean[2] for mean in means], lw=2, **style)
    for axes, what in ((by_calls, "different sets that the solver was asked"), (by_updates, "further updates")):
        _rule(axes, fmean(value for part in rows[REFERENCE] for value in part["outcomes"].values()))
        axes.set_xlabel(what)
    by_calls.set_ylabel("accuracy on the test problems")
    handles = [
        Line2D([], [], color=COLOURS[name], lw=2, label=name, linestyle="-" if rows[name][0].get("calls") else "--")
        for name in names
    ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    figure.savefig(path, dpi=150)


def _rule(axes: Any, reference: float) -> None:
    """The reference as a line, and straight axes in percent."""
    axes.axhline(reference, color="#222222", linewidth=1, linestyle=":")
    axes.annotate("reference", (0.0, reference), (4, 3), textcoords="offset points", fontsize=8)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
