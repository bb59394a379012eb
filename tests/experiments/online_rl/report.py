"""Table and figure of the online RL benchmark, made from the parts that are there.

Outcomes of all seeds are pooled: every seed has its own test problems, so a (problem, seed) pair is asked once of a
row, and rows are compared pair by pair. A row is shown when every seed that has the reference has it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.intervals import wilson
from dataset_builder.core.markdown import draw_table
from eval_harness.reporting.markers import put_between_markers
from eval_harness.scoring.significance import compare_with_baseline
from tests.experiments.online_rl.rows import ROWS

REFERENCE = "reference"
ORDER = (*(row.name for row in ROWS.values() if row.shown), REFERENCE)
PAIRS = (
    ("grpo, from bc", "bc, further"),
    ("grpo, from resampled_bc", "resampled_bc, further"),
    ("grpo, from bc", "expert_iteration, from bc"),
    ("grpo, from resampled_bc", "expert_iteration, from resampled_bc"),
    ("on_policy_distillation", "cloned_teacher"),
)
"""(row, what it must be above): at the same further updates, at the same samples, at the same teacher."""
Parts = Sequence[Mapping[str, Any]]


def write_report(folder: Path, readme: Path | None = None) -> str:
    """Writes table and figure into `folder`, and both into `readme`, between its markers; gives the table.

    Raises:
        UserError: there is no part yet, or the readme has no markers.
    """
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "parts").glob("*.json"))]
    if not any(part["row"] == REFERENCE for part in parts):
        raise UserError(f"{folder} holds no finished seed; run `python -m tests.experiments.online_rl.run` first")
    text = table(parts)
    (folder / "table.md").write_text(text, encoding="utf-8")
    draw_curves(parts, folder / "curve.png")
    if readme is not None:
        figures = readme.parent / "figures"
        figures.mkdir(exist_ok=True)
        name = f"online_rl_{parts[0]['size']}.png"
        shutil.copy(folder / "curve.png", figures / name)
        image = f"\n![Reward on fresh problems by solver calls and by updates](figures/{name})\n"
        put_between_markers(readme, f"bench-online-rl-{parts[0]['size']}", text + image)
    return text


def pooled(parts: Parts) -> dict[str, dict[str, float]]:
    """row -> outcome of every (problem, seed); rows that lack a finished seed are left out."""
    seeds = {part["seed"] for part in parts if part["row"] == REFERENCE}
    rows = {}
    for name in ORDER:
        own = [part for part in parts if part["row"] == name and part["seed"] in seeds]
        if {part["seed"] for part in own} == seeds:
            rows[name] = {key: float(value) for part in own for key, value in part["outcomes"].items()}
    return rows


def table(parts: Parts) -> str:
    """The Markdown table, with its command, its date and the comparisons."""
    rows, first = pooled(parts), parts[0]
    seeds = sorted({part["seed"] for part in parts if part["row"] == REFERENCE})
    asked = len(rows[REFERENCE])
    head = ["row", "accuracy", "95 % interval", "each seed", "weights", "samples", "solver calls", "minutes"]
    lines = [_line(name, rows[name], [part for part in parts if part["row"] == name]) for name in rows]
    missing = [name for name in ORDER if name not in rows]
    return "\n".join(
        [
            f"`make bench-online-rl`, {date.today().isoformat()}: MicroGSM {first['size']}, seeds "
            f"{', '.join(map(str, seeds))}, {asked:,} test problems in all. Samples and calls: mean of the seeds.",
            "",
            draw_table(head, lines),
            "",
            *_comparisons(rows),
            *([f"Not measured yet: {'; '.join(missing)}."] if missing else []),
            "",
        ]
    )


def _line(name: str, outcomes: Mapping[str, float], parts: Parts) -> list[str]:
    right, n = sum(outcomes.values()), len(outcomes)
    interval = wilson(right, n)
    ordered = sorted(parts, key=lambda part: part["seed"])
    each = " ".join(f"{sum(part['outcomes'].values()) / len(part['outcomes']):.3f}"[1:] for part in ordered)

    def mean(key: str, unit: float = 1.0) -> str:
        values = [part[key] for part in ordered if part.get(key)]
        return f"{sum(values) / len(values) / unit:,.0f}" if values else ""

    cells = [name, f"{right / n:.3f}", f"{interval.low:.3f} to {interval.high:.3f}", each]
    return [*cells, mean("parameters"), mean("samples"), mean("calls"), mean("train_seconds", 60)]


def _comparisons(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Each pair that is there, tested on the same problems (McNemar, exact)."""
    lines = []
    for name, rival in PAIRS:
        if name in rows and rival in rows:
            result = compare_with_baseline({rival: rows[rival], name: rows[name]}, rival)[name]
            p = "p < 0.001" if result.p_holm < 0.001 else f"p = {result.p_holm:.3f}"
            lines.append(f"- {name} against {rival}: {100 * result.difference:+.1f} points, {p}.")
    return [*lines, ""] if lines else []


def draw_curves(parts: Parts, path: Path) -> None:
    """Mean reward of the samples on fresh problems, by solver calls and by updates, a line for each row and seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    by_calls, by_updates = figure.subplots(1, 2, sharey=True)
    names = [name for name in ORDER if any(part["row"] == name and part.get("curve") for part in parts)]
    for number, name in enumerate(names):
        for part in (part for part in parts if part["row"] == name and part.get("curve")):
            updates, rewards, calls = zip(*part["curve"], strict=True)
            label = name if part["seed"] == min(other["seed"] for other in parts) else None
            by_calls.plot(calls, rewards, color=f"C{number}", alpha=0.8, label=label)
            by_updates.plot(updates, rewards, color=f"C{number}", alpha=0.8)
    reference = [value for part in parts if part["row"] == REFERENCE for value in part["outcomes"].values()]
    for axes, what in ((by_calls, "different sets that the solver was asked"), (by_updates, "further updates")):
        axes.axhline(sum(reference) / len(reference), color="#222222", linewidth=1, linestyle=":")
        axes.set_xlabel(what)
        axes.set_ylim(0, 1)
    by_calls.set_ylabel("reward of the samples, fresh problems")
    if names:
        by_calls.legend(fontsize=8)
    figure.savefig(path, dpi=150)
