"""The forest plot of a grid: one line per pair with its 95 % interval, grouped by solver; written as PNG and SVG."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eval_harness.records.results import ResultsRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BASELINE, _ROW, _GUIDE = "#b3541e", "#1f5f8b", "#9aa5ad"


def forest_plot(records: Sequence[ResultsRecord], stem: Path, baseline: str, caption: str) -> list[Path]:
    """Draws the records in their order, the first on top; the baseline's accuracy is a dashed line per solver.

    Args:
        records: the pairs.
        stem: the files' path without ending.
        baseline: label of the row that the others are compared with.
        caption: a line below the axes.

    Returns:
        The paths of STEM.png and STEM.svg.
    """
    from matplotlib.figure import Figure

    solvers = list(dict.fromkeys(str(record.solver["label"]) for record in records))
    groups = [[record for record in records if record.solver["label"] == solver] for solver in solvers]
    height = 1.6 + 0.34 * len(records) + 0.5 * len(solvers)
    figure = Figure(figsize=(7.2, height), layout="constrained")
    axes = figure.subplots(
        len(solvers), 1, sharex=True, squeeze=False, height_ratios=[len(group) + 1 for group in groups]
    )
    for axis, solver, group in zip(axes[:, 0], solvers, groups, strict=True):
        _draw_group(axis, group, baseline)
        axis.set_title(f"solver: {solver}", fontsize=9, loc="left")
    axes[-1, 0].set_xlabel("accuracy, 95 % interval", fontsize=9)
    figure.supxlabel("\n".join(textwrap.wrap(caption, 110)), fontsize=6.5, color="#555555", x=0.01, ha="left")
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "svg")]
    stem.parent.mkdir(parents=True, exist_ok=True)
    for path in paths:
        figure.savefig(path, dpi=160, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths


def _draw_group(axis: Axes, records: Sequence[ResultsRecord], baseline: str) -> None:
    for index, record in enumerate(records):
        low, high = record.interval["low"], record.interval["high"]
        color = _BASELINE if record.label == baseline else _ROW
        if record.label == baseline:
            axis.axvline(record.accuracy, color=_GUIDE, linestyle="--", linewidth=0.8, zorder=0)
        axis.plot([low, high], [index, index], color=color, linewidth=1.6, solid_capstyle="butt")
        axis.plot([record.accuracy], [index], "o", color=color, markersize=5)
        axis.annotate(
            f"{100 * record.accuracy:.1f} %",
            (high, index),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axis.set_yticks(range(len(records)), [record.label for record in records], fontsize=8)
    axis.set_ylim(len(records) - 0.4, -0.6)
    axis.set_xlim(0, 1.0)
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axis.tick_params(axis="x", labelsize=8)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)
