"""The forest plot of a grid: one line per pair with its 95 % interval, grouped by solver; written as PNG and SVG.

Rows stand as in the table, the best of each solver first; the row that a card is about is marked.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eval_harness.records.results import ResultsRecord
from eval_harness.reporting.ranking import rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BASELINE, _ROW, _GUIDE = "#b3541e", "#1f5f8b", "#9aa5ad"
OWN_MARK = " (this model)"


def forest_plot(
    records: Sequence[ResultsRecord],
    stem: Path,
    baseline: str,
    caption: str = "",
    *,
    own: Collection[str] = (),
    kinds: Sequence[str] = ("png", "svg"),
) -> list[Path]:
    """Draws the records, solver by solver, the best on top; the baseline's accuracy is a dashed line per solver.

    Args:
        records: the pairs.
        stem: the files' path without ending.
        baseline: label of the row that the others are compared with.
        caption: a line below the axes; empty: none.
        own: names of the records that the figure is shown for.
        kinds: the endings of the files.

    Returns:
        Their paths.
    """
    from matplotlib.figure import Figure

    by_solver = itertools.groupby(sorted(records, key=rank), lambda record: str(record.solver["label"]))
    groups = {solver: list(group) for solver, group in by_solver}
    text = "\n".join(textwrap.wrap(caption, 112))
    height = 1.1 + 0.34 * len(records) + 0.5 * len(groups) + 0.17 * text.count("\n")
    figure = Figure(figsize=(7.2, height), layout="constrained")
    axes = figure.subplots(
        len(groups), 1, sharex=True, squeeze=False, height_ratios=[len(group) + 1 for group in groups.values()]
    )
    for axis, (solver, group) in zip(axes[:, 0], groups.items(), strict=True):
        _draw_group(axis, group, baseline, own)
        axis.set_title(f"solver: {solver}", fontsize=10, loc="left")
    dashed = f"; dashed: {baseline}" if any(record.label == baseline for record in records) else ""
    axes[-1, 0].set_xlabel(f"accuracy, 95 % interval{dashed}", fontsize=9)
    if text:
        figure.supxlabel(text, fontsize=8.5, color="#444444", x=0.01, ha="left")
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in kinds]
    stem.parent.mkdir(parents=True, exist_ok=True)
    for path in paths:
        figure.savefig(path, dpi=160, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths


def _draw_group(axis: Axes, records: Sequence[ResultsRecord], baseline: str, own: Collection[str]) -> None:
    for index, record in enumerate(records):
        low, high = record.interval["low"], record.interval["high"]
        color = _BASELINE if record.label == baseline else _ROW
        if record.label == baseline:
            axis.axvline(record.accuracy, color=_GUIDE, linestyle="--", linewidth=0.8, zorder=0)
        if record.name in own:
            axis.axhspan(index - 0.45, index + 0.45, color="#e6eef4", linewidth=0, zorder=-1)
        axis.plot([low, high], [index, index], color=color, linewidth=1.6, solid_capstyle="butt", clip_on=False)
        axis.plot([record.accuracy], [index], "o", color=color, markersize=5, clip_on=False)
        axis.annotate(
            f"{100 * record.accuracy:.1f} %",
            (high, index),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    labels = axis.set_yticks(range(len(records)), [_name(record, own) for record in records], fontsize=9)
    for label, record in zip(labels, records, strict=True):
        label.label1.set_fontweight("bold" if record.name in own else "normal")
    axis.set_ylim(len(records) - 0.4, -0.6)
    axis.set_xlim(0, 1.0)
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axis.tick_params(axis="x", labelsize=8.5)
    axis.tick_params(axis="y", length=0, pad=8)
    axis.spines[["top", "right", "left"]].set_visible(False)


def _name(record: ResultsRecord, own: Collection[str]) -> str:
    return record.label + (OWN_MARK if record.name in own else "")
