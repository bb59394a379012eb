"""Draws the dataset paper's figures, and the data sheet's, from the statistics: PNG to look at, SVG to print.

Reads what `stats.dataset_stats` gives, writes `<dataset>/figures/<name>.png` and `.svg`. A figure without data (no
votes, one set per problem) is not drawn. The same statistics give the same files.

Source: arXiv 2402.01812, figures 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.dataset_folder.layout import FIGURES_FOLDER
from dataset_builder.stats.dataset_stats import DEFECTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Stats = dict[str, Any]
AxisLabels = tuple[str, str] | None
"""Of x and y; None where the group has no data for the figure."""

BLUE, ORANGE, GREY = "#33658a", "#d1603d", "#8a8d91"


def draw_figures(folder: Path, stats: dict[str, Stats]) -> list[Path]:
    """Draws every figure that the first group with rows has data for; returns the PNG paths.

    The train group is drawn where there is one, for it holds several sets a problem and their votes, else test.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    group_name, group = next(iter(stats.items()))
    target = folder / FIGURES_FOLDER
    target.mkdir(exist_ok=True)
    for old in [*target.glob("*.png"), *target.glob("*.svg")]:
        old.unlink()
    drawn = []
    style: dict[Any, Any] = {
        "font.size": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "svg.hashsalt": "subq",
    }
    with matplotlib.rc_context(style):
        for name, (title, draw) in FIGURES.items():
            figure, axes = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
            if labels := draw(axes, group):
                axes.set(xlabel=labels[0], ylabel=labels[1])
                _group_thousands(axes)
                axes.set_title(f"{title} ({group_name}: {group['sets']:,} sets)", loc="left", fontsize=12, pad=12)
                figure.savefig(target / f"{name}.png", dpi=150, metadata={"Software": None})
                figure.savefig(target / f"{name}.svg", metadata={"Date": None})
                drawn.append(target / f"{name}.png")
            plt.close(figure)
    return drawn


def _group_thousands(axes: Axes) -> None:
    from matplotlib.ticker import StrMethodFormatter

    if axes.get_yscale() == "linear" and axes.get_ylim()[1] > 1000:
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _questions_per_set(axes: Axes, group: Stats) -> AxisLabels:
    values = group["questions"]
    counts = {int(number): count for number, count in values["histogram"].items()}
    axes.bar(list(counts), list(counts.values()), width=0.85, color=BLUE)
    axes.axvline(values["mean"], color=ORANGE, linestyle="--", linewidth=1.5)
    label = f"mean {values['mean']:.2f}, sd {values['sd']:.2f}, median {values['median']:g}"
    axes.text(values["mean"] + 0.1, 0.99, label, transform=axes.get_xaxis_transform(), va="top", color=ORANGE)
    axes.margins(y=0.16)
    axes.set_xticks(range(min(counts), max(counts) + 1))
    return "sub-questions in the set", "sets"


def _questions_by_correctness(axes: Axes, group: Stats) -> AxisLabels:
    most = group["correct_sets"]["sets_per_problem"]
    names = {"all_correct": "all right" if most < 2 else f"all {most} right", "others": "not all right"}
    halves = group["questions_by_correct_sets"]
    if not all(halves.values()):
        return None
    for offset, (name, colour) in zip((-0.21, 0.21), (("all_correct", BLUE), ("others", ORANGE)), strict=True):
        total = sum(halves[name].values())
        positions = [int(number) + offset for number in halves[name]]
        shares = [count / total for count in halves[name].values()]
        axes.bar(positions, shares, width=0.42, color=colour, label=f"{names[name]} ({total:,} sets)")
    numbers = [int(number) for half in halves.values() for number in half]
    axes.set_xticks(range(min(numbers), max(numbers) + 1))
    axes.legend(frameon=False)
    return "sub-questions in the set", "share of these sets"


def _correct_sets(axes: Axes, group: Stats) -> AxisLabels:
    shares = group["correct_sets"]["shares"]
    if len(shares) < 3:
        return None
    bars = axes.bar(list(shares), [100 * share for share in shares.values()], width=0.7, color=BLUE)
    axes.bar_label(bars, fmt="%.1f %%", padding=2)
    axes.margins(y=0.12)
    return f"right sets among the problem's {group['correct_sets']['sets_per_problem']}", "problems, percent"


def _usefulness_per_question(axes: Axes, group: Stats) -> AxisLabels:
    if group["usefulness"] is None:
        return None
    counts = {float(value): count for value, count in group["usefulness"]["per_question"].items()}
    total = sum(counts.values())
    labels = [f"{value:.2f}" for value in counts]
    bars = axes.bar(labels, list(counts.values()), width=0.7, color=BLUE)
    axes.bar_label(bars, [f"{100 * count / total:.1f} %" for count in counts.values()], padding=2)
    axes.margins(y=0.12)
    return "usefulness: share of votes that say yes", "sub-questions"


def _usefulness_per_set(axes: Axes, group: Stats) -> AxisLabels:
    if group["usefulness"] is None:
        return None
    bins = group["usefulness"]["per_set_bins"]
    width = 1 / len(bins)
    axes.bar([(index + 0.5) * width for index in range(len(bins))], bins, width=width * 0.92, color=BLUE)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.8)
    axes.set_xlim(0, 1)
    return "mean usefulness over the set's sub-questions", "sets (logarithmic)"


def _votes_against_answers(axes: Axes, group: Stats) -> AxisLabels:
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
            text = f"{count:,}\n{100 * count / votes['sets']:.1f} %"
            axes.text(column, row, text, ha="center", va="center", color="white" if count > most * 0.6 else "black")
    axes.set_xticks([0, 1], ["right", "wrong"])
    axes.set_yticks([0, 1], ["no", "yes"])
    axes.spines[:].set_visible(False)
    return f"final answer      ({_vote_measures(votes)})", "any negative vote"


def _vote_measures(votes: Stats) -> str:
    names = {"precision": "precision", "recall": "recall", "roc_auc": "ROC-AUC", "pearson": "Pearson"}
    return ", ".join(f"{label} {votes[key]:.2f}" for key, label in names.items() if votes[key] is not None)


def _data_sheet(axes: Axes, group: Stats) -> AxisLabels:
    sheet = group["data_sheet"]
    shown = [(label, sheet[name]) for name, (_, label) in DEFECTS.items() if label and sheet[name] is not None]
    shares = [100 * value["share"] for _, value in shown]
    low = [max(0.0, 100 * (value["share"] - value["interval"][0])) for _, value in shown]
    high = [max(0.0, 100 * (value["interval"][1] - value["share"])) for _, value in shown]
    axes.barh([text for text, _ in shown], shares, xerr=[low, high], color=GREY, ecolor="black", capsize=3, height=0.6)
    for index, (share, reach) in enumerate(zip(shares, high, strict=True)):
        axes.annotate(f"{share:.1f} %", (share + reach, index), xytext=(6, 0), textcoords="offset points", va="center")
    axes.invert_yaxis()
    axes.set_xlim(0, max(5.0, *(1.2 * (share + reach) for share, reach in zip(shares, high, strict=True))))
    return "percent, with 95 % intervals", ""


FIGURES: dict[str, tuple[str, Callable[[Axes, Stats], AxisLabels]]] = {
    "questions_per_set": ("Sub-questions per set", _questions_per_set),
    "questions_by_correctness": ("Sub-questions per set, by the problem's right sets", _questions_by_correctness),
    "correct_sets": ("Right sets per problem", _correct_sets),
    "usefulness_per_question": ("Usefulness of a sub-question", _usefulness_per_question),
    "usefulness_per_set": ("Mean usefulness of a set", _usefulness_per_set),
    "votes_against_answers": ("Do the votes predict the answer?", _votes_against_answers),
    "data_sheet": ("Known defects", _data_sheet),
}
"""By file name: the title and what draws it."""
