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
from eval_harness.reporting.tables import p_text
from eval_harness.scoring.significance import compare_with_baseline, holm
from tests.experiments.online_rl.figure import draw_curves
from tests.experiments.online_rl.rows import CLONED, DISTILLED, REFERENCE, TABLE

PAIRS = (
    ("grpo, from bc", "bc, further"),
    ("grpo, from resampled_bc", "resampled_bc, further"),
    ("grpo, from resampled_bc", REFERENCE),
    ("grpo, from bc", "expert_iteration, from bc"),
    ("grpo, from resampled_bc", "expert_iteration, from resampled_bc"),
    (DISTILLED, CLONED),
    (f"{DISTILLED}, 500 problems", f"{CLONED}, 500 problems"),
    (DISTILLED, "teacher"),
)
"""(row, what it is compared with) at the end of both."""
EQUAL_CALLS = PAIRS[3:5]
"""Compared once more where both had asked the solver as often."""
Part = Mapping[str, Any]
Parts = Sequence[Part]
Outcomes = dict[str, float]


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
    draw_curves(whole_rows(parts), folder / "curve.png")
    if readme is not None:
        figures = readme.parent / "figures"
        figures.mkdir(exist_ok=True)
        name = f"online_rl_{parts[0]['size']}.png"
        shutil.copy(folder / "curve.png", figures / name)
        image = f"\n![Accuracy on the test problems by solver calls and by further updates](figures/{name})\n"
        put_between_markers(readme, f"bench-online-rl-{parts[0]['size']}", text + image)
    return text


def whole_rows(parts: Parts) -> dict[str, list[Part]]:
    """row -> its part of every seed, in the table's order; rows that lack a seed are left out."""
    seeds = sorted({part["seed"] for part in parts if part["row"] == REFERENCE})
    found = {(part["row"], part["seed"]): part for part in parts}
    return {
        name: [found[name, seed] for seed in seeds] for name in TABLE if all((name, seed) in found for seed in seeds)
    }


def table(parts: Parts) -> str:
    """The Markdown table, with its command, its date and the comparisons."""
    rows = whole_rows(parts)
    first = rows[REFERENCE][0]
    seeds = ", ".join(str(part["seed"]) for part in rows[REFERENCE])
    head = [
        "row",
        "accuracy",
        "95 % interval",
        "each seed",
        "weights",
        "updates",
        "samples",
        "solver calls",
        "minutes",
    ]
    own = [f"--size {first['size']}"] if first["size"] != "halving" else []
    own += [f"--seeds {seeds.replace(',', '')}"] if seeds != "3, 4, 5" else []
    command = "make bench-online-rl" + (f' ARGS="{" ".join(own)}"' if own else "")
    missing = [name for name in TABLE if name not in rows]
    return "\n".join(
        [
            f"`{command}`, {date.today().isoformat()}: MicroGSM {first['size']}, seeds {seeds}, "
            f"{len(pooled(rows[REFERENCE])):,} test problems in all. Samples (sets drawn, those that only screen "
            "included), calls (different sets that the solver was asked) and minutes: mean of the seeds; updates are "
            "those after the row's start.",
            "",
            draw_table(head, [_line(name, own) for name, own in rows.items()]),
            "",
            *comparisons(rows),
            *([f"Not measured: {'; '.join(missing)}."] if missing else []),
            "",
        ]
    )


def pooled(parts: Parts) -> Outcomes:
    """The outcome of every (problem, seed) of a row."""
    return {key: float(value) for part in parts for key, value in part["outcomes"].items()}


def _line(name: str, parts: Parts) -> list[str]:
    outcomes = pooled(parts)
    right, n = sum(outcomes.values()), len(outcomes)
    interval = wilson(right, n)
    each = " ".join(f"{sum(part['outcomes'].values()) / len(part['outcomes']):.3f}"[1:] for part in parts)

    def mean(key: str, unit: float = 1.0, digits: int = 0) -> str:
        values = [part[key] for part in parts if part.get(key)]
        return f"{sum(values) / len(values) / unit:,.{digits}f}" if values else ""

    cells = [name, f"{right / n:.3f}", f"{interval.low:.3f} to {interval.high:.3f}", each, mean("parameters")]
    return [*cells, mean("updates"), mean("samples"), mean("calls"), mean("train_seconds", 60, 1)]


def comparisons(rows: Mapping[str, Parts]) -> list[str]:
    """Each pair that is there, tested on the same problems, and what a distilled student keeps of its teacher."""
    found = []
    for name, rival in PAIRS:
        if name in rows and rival in rows:
            found.append((f"{name} against {rival}", pooled(rows[name]), pooled(rows[rival])))
    for name, rival in EQUAL_CALLS:
        if name in rows and rival in rows:
            (own, calls), (theirs, their_calls) = at_equal_calls(rows[name], rows[rival])
            found.append((f"{name} ({calls:,.0f} calls) against {rival} ({their_calls:,.0f})", own, theirs))
    results = [compare_with_baseline({"rival": theirs, "own": own}, "rival")["own"] for _, own, theirs in found]
    lines = []
    for (what, *_), result, p in zip(found, results, holm([item.p_value for item in results]), strict=True):
        low, high = 100 * result.interval.low, 100 * result.interval.high
        lines.append(f"- {what}: {100 * result.difference:+.1f} points ({low:+.1f} to {high:+.1f}), {p_text(p)}.")
    lines = ["Pairs, problem by problem (p: McNemar, exact, Holm over these lines):", "", *lines] if lines else []
    return [*lines, "", *kept_of_the_teacher(rows)]


def at_equal_calls(parts: Parts, rivals: Parts) -> tuple[tuple[Outcomes, float], tuple[Outcomes, float]]:
    """(outcomes, mean calls) of both rows: for each seed its newest point within what the thriftier asked in all."""
    both = []
    for row in (parts, rivals):
        outcomes, calls = Outcomes(), 0.0
        for part, own, rival in zip(row, parts, rivals, strict=True):
            limit = min(own["calls"], rival["calls"])
            point = [point for point in part["points"] if point["calls"] <= limit][-1]
            outcomes |= dict(zip(part["outcomes"], map(float, point["right"]), strict=True))
            calls += point["calls"] / len(row)
        both.append((outcomes, calls))
    return both[0], both[1]


def kept_of_the_teacher(rows: Mapping[str, Parts]) -> list[str]:
    """A line for each student of the larger teacher."""
    lines = []
    for name in (CLONED, DISTILLED):
        if name in rows and "teacher" in rows:
            right, best = (sum(pooled(rows[row]).values()) for row in (name, "teacher"))
            size, full = (rows[row][0]["parameters"] for row in (name, "teacher"))
            lines.append(
                f"{name} keeps {right / best:.0%} of its teacher's accuracy with {size / full:.0%} of its weights."
            )
    return [*lines, ""] if lines else []
