"""Figures of the offline RL benchmark. That of the accuracies is drawn from its table, so that both say the same.

    python -m tests.experiments.offline_rl.figures      # both again, from the table in the README: nothing is trained

A frozen policy at beta 0 is the cloned start itself, whatever its values learnt: such rows are one row of the figure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.intervals import wilson
from tests.experiments.offline_rl import known_mdp
from tests.experiments.offline_rl.rows import EXPERIMENTS, ROWS

START = "cloned start (frozen, beta 0)"
KINDS = {
    "untrained": "#a9b4bd",
    "cloning, by choice of sets": "#6c8ea4",
    "preferences": "#b98a2f",
    "values (ILQL)": "#2a6f97",
}
"""What the colours say."""
EXPECTILES = (0.5, 0.7, 0.9, 0.99)


@dataclass(frozen=True)
class Outcomes:
    """One row of the table, of all seeds."""

    name: str
    """The method."""
    right: int
    """Problems solved with its sub-questions."""
    n: int
    """Problems asked."""

    @property
    def kind(self) -> str:
        """Its colour's meaning."""
        if self.name.startswith("ilql"):
            return "values (ILQL)"
        if self.name in ("dpo", "kto"):
            return "preferences"
        return "cloning, by choice of sets" if self.name in (*ROWS, START) else "untrained"


def read_outcomes(table: str) -> list[Outcomes]:
    """The table's rows, the best first; those that are the cloned start by construction are one.

    Counts are exact while a seed has at most 500 problems: its accuracy has three digits.
    """
    per_seed = _asked(table) // len(_seed_accuracies(_lines(table)[0]))
    rows = {}
    for cells in _lines(table):
        is_start = "frozen" in cells[0] and set(cells[4].split()) == {"0"}
        right = sum(round(accuracy * per_seed) for accuracy in _seed_accuracies(cells))
        name = START if is_start else cells[0]
        rows[name] = Outcomes(name, right, _asked(table))
    return sorted(rows.values(), key=lambda row: -row.right)


def _lines(table: str) -> list[list[str]]:
    """The cells of the first table's rows."""
    lines = table.split("| method | accuracy |")[-1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _seed_accuracies(cells: list[str]) -> list[float]:
    return [float(f"0{digits}") if digits.startswith(".") else float(digits) for digits in cells[3].split()]


def _asked(table: str) -> int:
    found = re.search(r"([\d,]+) test problems in all", table)
    if found is None:
        raise UserError("the table does not say how many test problems there were")
    return int(found[1].replace(",", ""))


def draw_accuracies(table: str, path: Path) -> None:
    """One bar per row with its interval, the best on top."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    rows = read_outcomes(table)[::-1]
    figure = Figure(figsize=(8, 0.36 * len(rows) + 1.5), layout="constrained")
    axes = figure.subplots()
    for index, row in enumerate(rows):
        share, interval = row.right / row.n, wilson(row.right, row.n)
        spread = [[share - interval.low], [interval.high - share]]
        axes.barh(index, share, xerr=spread, color=KINDS[row.kind], ecolor="#222222", capsize=3, height=0.7)
        axes.annotate(f"{100 * share:.1f} %", (interval.high, index), (6, 0), textcoords="offset points", va="center")
    world = re.search(r"MicroGSM (\w+), (\d+) seeds", table)
    size, seeds = world.groups() if world else ("", "?")
    figure.suptitle(f"MicroGSM {size}: solver accuracy with each method's sub-questions", x=0.01, ha="left")
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_xlabel(f"accuracy on {rows[0].n:,} test problems ({seeds} seeds), 95 % Wilson intervals")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(handles=[Patch(color=colour, label=kind) for kind, colour in KINDS.items()], loc="lower right")
    figure.savefig(path, dpi=150)


def draw_known_mdp(path: Path) -> None:
    """How far Q is from Q* while learning, by expectile, and with the published target; lines bear their names."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    runs = [(f"expectile {expectile:g}", known_mdp.learn(expectile).errors, "#2a6f97") for expectile in EXPECTILES]
    runs.append((f"published target, {EXPECTILES[-1]:g}", known_mdp.learn(0.99, published=True).errors, "#b5462f"))
    for name, errors, colour in runs:
        axes.plot(errors, color=colour, linewidth=1.2)
        last = errors[len(errors) // 2]
        axes.annotate(name, (len(errors), last), (6, 0), textcoords="offset points", va="center", color=colour)
    axes.set_title("Five rooms whose Q* is known: distance to it while learning", loc="left")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("update")
    axes.set_ylabel("largest |Q - Q*|")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Both figures again, from what the README holds."""
    table = (EXPERIMENTS / "README.md").read_text(encoding="utf-8").partition("<!-- bench-offline-rl: start -->")[2]
    draw_accuracies(table, EXPERIMENTS / "figures" / "offline_rl_accuracy.png")
    draw_known_mdp(EXPERIMENTS / "figures" / "offline_rl_known_mdp.png")


if __name__ == "__main__":
    main()
