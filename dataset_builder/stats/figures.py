"""Draws the dataset paper's figures, and the data sheet's, from the statistics: PNG to look at, SVG to print.

Reads what `stats.dataset_stats` gives, writes `<dataset>/figures/<name>.png` and `.svg`. Every figure counts in
percent of one thing, which its y axis names, and has its caption inside, so that both go along wherever it is shown. A
figure without data (no votes, one set per problem) is not drawn. The same statistics give the same files.

Source: arXiv 2402.01812, figures 1 and 2. Differences: 1. shares instead of counts; 2. no logarithmic bars.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dataset_builder.dataset_folder.layout import FIGURES_FOLDER
from dataset_builder.stats.dataset_stats import DEFECTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Stats = dict[str, Any]

BLUE, ORANGE, GREY = "#33658a", "#d1603d", "#5f6368"
SIZE_INCHES, DOTS_PER_INCH, CAPTION_WIDTH = (5.6, 4.0), 180, 76
USEFULNESS_BARS = 10
_STYLE: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "subq",
}


class Drawn(NamedTuple):
    """What a figure says beside its bars."""

    x: str
    """What the x axis counts."""
    y: str
    """What the y axis counts."""
    caption: str
    """How to read it, in a sentence or two."""


def draw_figures(folder: Path, stats: dict[str, Stats]) -> list[Path]:
    """Draws every figure that the first group with rows has data for; returns the PNG paths.

    The train group is drawn where there is one, for it holds several sets a problem and their votes, else test.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    group_name, group = next(iter(stats.items()))
    target = folder / FIGURES_FOLDER
    target.mkdir(exist_ok=True)
    for old in [*target.glob("*.png"), *target.glob("*.svg")]:
        old.unlink()
    drawn = []
    with matplotlib.rc_context(_STYLE):
        for name, (title, draw) in FIGURES.items():
            figure, axes = plt.subplots(figsize=SIZE_INCHES, layout=ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1))
            if told := draw(axes, group):
                _finish(figure, axes, f"{title} ({group_name})", told)
                figure.savefig(target / f"{name}.png", dpi=DOTS_PER_INCH, metadata={"Software": None})
                figure.savefig(target / f"{name}.svg", metadata={"Date": None})
                drawn.append(target / f"{name}.png")
            plt.close(figure)
    return drawn


def _finish(figure: Figure, axes: Axes, title: str, told: Drawn) -> None:
    axes.set(xlabel=told.x, ylabel=told.y)
    axes.set_title(title, loc="left", fontsize=12, pad=10)
    caption = textwrap.fill(told.caption, CAPTION_WIDTH)
    figure.supxlabel(caption, x=0.02, ha="left", fontsize=10, color=GREY)


def _bars(axes: Axes, places: Sequence[str | float], shares: Sequence[float], width: float = 0.8) -> None:
    """Bars of shares, each with its percentage above it.

    Args:
        axes: where to draw.
        places: of the bars, as words or positions.
        shares: from 0 to 1.
        width: of a bar.
    """
    bars = axes.bar(places, [100 * share for share in shares], width=width, color=BLUE)  # type: ignore[arg-type]
    axes.bar_label(bars, [_percent(share) for share in shares], padding=2, fontsize=9)
    axes.margins(y=0.12)


def _percent(share: float) -> str:
    """A share for a bar's label.

    >>> _percent(0.0004), _percent(0.5), _percent(0)
    ('0.04', '50.0', '0')
    """
    percent = 100 * share
    return f"{percent:.2f}" if 0 < percent < 0.1 else f"{percent:.1f}" if percent else "0"


def _questions_per_set(axes: Axes, group: Stats) -> Drawn | None:
    values = group["questions"]
    counts = {int(number): count for number, count in values["histogram"].items()}
    numbers = range(min(counts), max(counts) + 1)
    shares = [100 * counts.get(number, 0) / group["sets"] for number in numbers]
    axes.bar(list(numbers), shares, width=0.85, color=BLUE)
    axes.axvline(values["mean"], color=ORANGE, linestyle="--", linewidth=1.5)
    axes.set_xticks(numbers)
    spread = f"mean {values['mean']:.2f} (dashed), standard deviation {values['sd']:.2f}, median {values['median']:g}"
    return Drawn("sub-questions in the set", "% of the sets", f"{group['sets']:,} sets: {spread}.")


def _questions_by_correctness(axes: Axes, group: Stats) -> Drawn | None:
    most = group["correct_sets"]["sets_per_problem"]
    names = {"all_correct": "all right" if most < 2 else f"all {most} right", "others": "not all right"}
    halves = group["questions_by_correct_sets"]
    if not all(halves.values()):
        return None
    for offset, (name, colour) in zip((-0.21, 0.21), (("all_correct", BLUE), ("others", ORANGE)), strict=True):
        total = sum(halves[name].values())
        positions = [int(number) + offset for number in halves[name]]
        shares = [100 * count / total for count in halves[name].values()]
        axes.bar(positions, shares, width=0.42, color=colour, label=f"{names[name]} ({total:,} sets)")
    numbers = [int(number) for half in halves.values() for number in half]
    axes.set_xticks(range(min(numbers), max(numbers) + 1))
    axes.legend(frameon=False)
    told = (
        "Sets of problems whose sets all have the right answer, beside the sets of the others; each adds up to 100 %."
    )
    return Drawn("sub-questions in the set", "% of these sets", told)


def _correct_sets(axes: Axes, group: Stats) -> Drawn | None:
    correct = group["correct_sets"]
    if len(correct["shares"]) < 3:
        return None
    _bars(axes, list(correct["shares"]), list(correct["shares"].values()))
    told = f"{correct['problems']:,} problems: how many of a problem's {correct['sets_per_problem']} sets are right."
    return Drawn("sets with the right final answer", "% of the problems", told)


def _usefulness_per_question(axes: Axes, group: Stats) -> Drawn | None:
    if group["usefulness"] is None:
        return None
    counts = {float(value): count for value, count in group["usefulness"]["per_question"].items()}
    total = sum(counts.values())
    _bars(axes, [f"{value:.2f}" for value in counts], [count / total for count in counts.values()])
    told = f"{total:,} sub-questions with readable votes. 1 and 0: the votes agree; between: they differ."
    return Drawn("usefulness: share of the votes that say yes", "% of the sub-questions", told)


def _usefulness_per_set(axes: Axes, group: Stats) -> Drawn | None:
    if group["usefulness"] is None:
        return None
    bins, per_set = group["usefulness"]["per_set_bins"], group["usefulness"]["per_set"]
    step = len(bins) // USEFULNESS_BARS
    counts = [sum(bins[start : start + step]) for start in range(0, len(bins), step)]
    middles = [(index + 0.5) / USEFULNESS_BARS for index in range(USEFULNESS_BARS)]
    _bars(axes, middles, [count / per_set["n"] for count in counts], width=0.92 / USEFULNESS_BARS)
    axes.set_xticks([index / USEFULNESS_BARS for index in range(USEFULNESS_BARS + 1)])
    told = f"{per_set['n']:,} sets with votes, in steps of 0.1; mean {per_set['mean']:.2f}."
    return Drawn("mean usefulness over the set's sub-questions", "% of the sets", told)


def _votes_against_answers(axes: Axes, group: Stats) -> Drawn | None:
    votes = group["votes_against_answers"]
    if votes is None:
        return None
    counts = votes["confusion"]
    cells = [
        [counts["true_negative"], counts["false_negative"]],
        [counts["false_positive"], counts["true_positive"]],
    ]
    most = max(max(row) for row in cells)
    axes.imshow(cells, cmap="Blues", vmin=0, vmax=most * 1.15, aspect="auto")
    for row, values in enumerate(cells):
        for column, count in enumerate(values):
            colour = "white" if count > most * 0.6 else "black"
            axes.text(column, row, f"{100 * count / votes['sets']:.1f} %", ha="center", va="center", color=colour)
    axes.set_xticks([0, 1], ["right", "wrong"])
    axes.set_yticks([0, 1], ["none", "some"])
    axes.spines[:].set_visible(False)
    told = f"{votes['sets']:,} sets with votes and an answer, in percent of them. {_vote_measures(votes)}"
    return Drawn("final answer", "votes that say no", told)


def _vote_measures(votes: Stats) -> str:
    """How well the votes foretell a wrong answer, as far as that can be said."""
    names = {"precision": "precision", "recall": "recall"}
    found = [f"{label} {votes[key]:.2f}" for key, label in names.items() if votes[key] is not None]
    return f"As a sign of a wrong answer, a vote that says no has {' and '.join(found)}." if found else ""


def _data_sheet(axes: Axes, group: Stats) -> Drawn | None:
    sheet = group["data_sheet"]
    shown = [(label, sheet[name]) for name, (_, label) in DEFECTS.items() if label and sheet[name] is not None]
    shares = [100 * value["share"] for _, value in shown]
    low = [max(0.0, 100 * (value["share"] - value["interval"][0])) for _, value in shown]
    high = [max(0.0, 100 * (value["interval"][1] - value["share"])) for _, value in shown]
    labels = [textwrap.fill(text, 20) for text, _ in shown]
    axes.barh(labels, shares, xerr=[low, high], color=BLUE, ecolor="black", capsize=3, height=0.6)
    for index, (share, reach) in enumerate(zip(shares, high, strict=True)):
        text, place = f"{share:.1f} %", (share + reach, index)
        axes.annotate(text, place, xytext=(6, 0), textcoords="offset points", va="center", fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, max(5.0, *(1.25 * (share + reach) for share, reach in zip(shares, high, strict=True))))
    told = "What the texts alone show, by heuristics on words and numbers; the lines are 95 % intervals."
    return Drawn("% of the sets, sub-questions or votes", "", told)


FIGURES: dict[str, tuple[str, Callable[[Axes, Stats], Drawn | None]]] = {
    "questions_per_set": ("Sub-questions per set", _questions_per_set),
    "correct_sets": ("Right sets per problem", _correct_sets),
    "questions_by_correctness": ("Sub-questions and right answers", _questions_by_correctness),
    "usefulness_per_question": ("Usefulness of a sub-question", _usefulness_per_question),
    "usefulness_per_set": ("Mean usefulness of a set", _usefulness_per_set),
    "votes_against_answers": ("Do the votes foretell the answer?", _votes_against_answers),
    "data_sheet": ("Known defects", _data_sheet),
}
"""By file name, in reading order: the title and what draws it."""
