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

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Stats = dict[str, Any]

TITLES = {
    "questions_per_set": "Sub-questions per set",
    "questions_by_correctness": "Sub-questions per set, by the problem's right sets",
    "correct_sets": "Right sets per problem",
    "usefulness_per_question": "Usefulness of a sub-question",
    "usefulness_per_set": "Mean usefulness of a set",
    "votes_against_answers": "Do the votes foresee the answer?",
    "data_sheet": "Known defects",
}
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
        for name, draw in _FIGURES.items():
            figure, axes = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
            if draw(axes, group):
                _group_thousands(axes)
                axes.set_title(
                    f"{TITLES[name]} ({group_name}: {group['sets']:,} sets)", loc="left", fontsize=12, pad=12
                )
                figure.savefig(target / f"{name}.png", dpi=150, metadata={"Software": None})
                figure.savefig(target / f"{name}.svg", metadata={"Date": None})
                drawn.append(target / f"{name}.png")
            plt.close(figure)
    return drawn


def _group_thousands(axes: Axes) -> None:
    from matplotlib.ticker import StrMethodFormatter

    if axes.get_yscale() == "linear" and axes.get_ylim()[1] > 1000:
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _questions_per_set(axes: Axes, group: Stats) -> bool:
    values = group["questions"]
    counts = {int(number): count for number, count in values["histogram"].items()}
    axes.bar(list(counts), list(counts.values()), width=0.85, color=BLUE)
    axes.axvline(values["mean"], color=ORANGE, linestyle="--", linewidth=1.5)
    label = f"mean {values['mean']:.2f}, sd {values['sd']:.2f}, median {values['median']:g}"
    axes.text(values["mean"] + 0.1, 0.99, label, transform=axes.get_xaxis_transform(), va="top", color=ORANGE)
    axes.margins(y=0.16)
    axes.set_xticks(range(min(counts), max(counts) + 1))
    axes.set_xlabel("sub-questions in the set")
    axes.set_ylabel("sets")
    return True


def _questions_by_correctness(axes: Axes, group: Stats) -> bool:
    most = group["correct_sets"]["sets_per_problem"]
    names = {"all_correct": "all right" if most < 2 else f"all {most} right", "others": "not all right"}
    halves = group["questions_by_correct_sets"]
    if not all(halves.values()):
        return False
    for offset, (name, colour) in zip((-0.21, 0.21), (("all_correct", BLUE), ("others", ORANGE)), strict=True):
        total = sum(halves[name].values())
        positions = [int(number) + offset for number in halves[name]]
        shares = [count / total for count in halves[name].values()]
        axes.bar(positions, shares, width=0.42, color=colour, label=f"{names[name]} ({total:,} sets)")
    numbers = [int(number) for half in halves.values() for number in half]
    axes.set_xticks(range(min(numbers), max(numbers) + 1))
    axes.set_xlabel("sub-questions in the set")
    axes.set_ylabel("share of these sets")
    axes.legend(frameon=False)
    return True


def _correct_sets(axes: Axes, group: Stats) -> bool:
    shares = group["correct_sets"]["shares"]
    if len(shares) < 3:
        return False
    bars = axes.bar(list(shares), [100 * share for share in shares.values()], width=0.7, color=BLUE)
    axes.bar_label(bars, fmt="%.1f %%", padding=2)
    axes.set_xlabel(f"right sets among the problem's {group['correct_sets']['sets_per_problem']}")
    axes.set_ylabel("problems, percent")
    axes.margins(y=0.12)
    return True


def _usefulness_per_question(axes: Axes, group: Stats) -> bool:
    if group["usefulness"] is None:
        return False
    counts = {float(value): count for value, count in group["usefulness"]["per_question"].items()}
    total = sum(counts.values())
    labels = [f"{value:.2f}" for value in counts]
    bars = axes.bar(labels, list(counts.values()), width=0.7, color=BLUE)
    axes.bar_label(bars, [f"{100 * count / total:.1f} %" for count in counts.values()], padding=2)
    axes.set_xlabel("usefulness: share of votes that say yes")
    axes.set_ylabel("sub-questions")
    axes.margins(y=0.12)
    return True


def _usefulness_per_set(axes: Axes, group: Stats) -> bool:
    if group["usefulness"] is None:
        return False
    bins = group["usefulness"]["per_set_bins"]
    width = 1 / len(bins)
    axes.bar([(index + 0.5) * width for index in range(len(bins))], bins, width=width * 0.92, color=BLUE)
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.8)
    axes.set_xlim(0, 1)
    axes.set_xlabel("mean usefulness over the set's sub-questions")
    axes.set_ylabel("sets (logarithmic)")
    return True


def _votes_against_answers(axes: Axes, group: Stats) -> bool:
    votes = group["votes_against_answers"]
    if votes is None:
        return False
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
    axes.set_xlabel(f"final answer      ({_vote_measures(votes)})")
    axes.set_ylabel("any negative vote")
    axes.spines[:].set_visible(False)
    return True


def _vote_measures(votes: Stats) -> str:
    names = {"precision": "precision", "recall": "recall", "roc_auc": "ROC-AUC", "pearson": "Pearson"}
    return ", ".join(f"{label} {votes[key]:.2f}" for key, label in names.items() if votes[key] is not None)


def _data_sheet(axes: Axes, group: Stats) -> bool:
    labels = {
        "repeated_sets": "sets that repeat a sub-question",
        "giveaway_questions": "sub-questions that give a number away",
        "given_questions": "sub-questions that ask for what is given",
        "disputed_questions": "sub-questions whose votes disagree",
        "unread_votes": "votes that could not be read",
    }
    shown = [(text, group["data_sheet"][key]) for key, text in labels.items() if group["data_sheet"][key] is not None]
    shares = [100 * value["share"] for _, value in shown]
    low = [max(0.0, 100 * (value["share"] - value["interval"][0])) for _, value in shown]
    high = [max(0.0, 100 * (value["interval"][1] - value["share"])) for _, value in shown]
    axes.barh([text for text, _ in shown], shares, xerr=[low, high], color=GREY, ecolor="black", capsize=3, height=0.6)
    for index, (share, reach) in enumerate(zip(shares, high, strict=True)):
        axes.annotate(f"{share:.1f} %", (share + reach, index), xytext=(6, 0), textcoords="offset points", va="center")
    axes.invert_yaxis()
    axes.set_xlim(0, max(5.0, *(1.2 * (share + reach) for share, reach in zip(shares, high, strict=True))))
    axes.set_xlabel("percent, with 95 % intervals")
    return True


_FIGURES: dict[str, Callable[[Axes, Stats], bool]] = {
    "questions_per_set": _questions_per_set,
    "questions_by_correctness": _questions_by_correctness,
    "correct_sets": _correct_sets,
    "usefulness_per_question": _usefulness_per_question,
    "usefulness_per_set": _usefulness_per_set,
    "votes_against_answers": _votes_against_answers,
    "data_sheet": _data_sheet,
}
