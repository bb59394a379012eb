"""Table and figures of the offline RL benchmark, made from the parts that are there.

Reads parts/*.json; writes table.md, accuracy.png and known_mdp.png. Outcomes of all seeds are pooled: every seed has
its own test problems, so a (problem, seed) pair is asked once per method, and methods are compared pair by pair.
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
from eval_harness.scoring.significance import Comparison, compare_with_baseline
from tests.experiments.offline_rl.figures import draw_accuracies, draw_known_mdp
from tests.experiments.offline_rl.rows import ROWS

IMAGES = """
![Solver accuracy of each method](figures/offline_rl_accuracy.png)
![Distance to Q* on a decision problem whose Q* is known](figures/offline_rl_known_mdp.png)
"""
ORDER = ("none", *ROWS, "teacher", "reference")
Rows = dict[str, dict[str, float]]


def write_report(folder: Path, readme: Path | None = None) -> str:
    """Writes table and figures into `folder`, and both into `readme`, between its markers; gives the table.

    Raises:
        UserError: there is no part yet, the parts are of different runs, or the readme has no markers.
    """
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "parts").glob("*.json"))]
    if not parts:
        raise UserError(f"{folder} holds no finished part; run `python -m tests.experiments.offline_rl.run` first")
    _check_one_run(parts, folder)
    rows = pooled(parts)
    text = table(rows, parts)
    (folder / "table.md").write_text(text, encoding="utf-8")
    draw_accuracies(text, folder / "accuracy.png")
    draw_known_mdp(folder / "known_mdp.png")
    if readme is not None:
        figures = readme.parent / "figures"
        figures.mkdir(exist_ok=True)
        for name in ("accuracy", "known_mdp"):
            shutil.copy(folder / f"{name}.png", figures / f"offline_rl_{name}.png")
        put_between_markers(readme, "bench-offline-rl", text + IMAGES)
    return text


def _check_one_run(parts: Sequence[Mapping[str, Any]], folder: Path) -> None:
    for key in ("size", "problems", "updates"):
        values = {part[key] for part in parts if key in part}
        if len(values) > 1:
            raise UserError(
                f"{folder / 'parts'} mixes runs of different {key} ({', '.join(map(str, sorted(values)))}); "
                "give each run an --output of its own"
            )


def pooled(parts: Sequence[Mapping[str, Any]]) -> Rows:
    """row -> outcome of every (problem, seed); rows that lack a seed the others have are left out."""
    seeds = {part["seed"] for part in parts}
    rows: Rows = {}
    for name in ORDER:
        row_parts = [part for part in parts if part["row"] == name]
        if {part["seed"] for part in row_parts} == seeds:
            rows[name] = {key: float(value) for part in row_parts for key, value in part["outcomes"].items()}
    return rows


def table(rows: Rows, parts: Sequence[Mapping[str, Any]]) -> str:
    """The Markdown table with its command, date and what was run."""
    first = parts[0]
    seeds = sorted({part["seed"] for part in parts})
    against_bc = compare_with_baseline(rows, "bc") if "bc" in rows else {}
    rivals = {name: rows[name] for name in rows if name not in ("bc", "none")}
    against_filtered = compare_with_baseline(rivals, "filtered_bc") if "filtered_bc" in rows else {}
    asked = len(next(iter(rows.values())))
    updates = next((part["updates"] for part in parts if "updates" in part), 0)
    lines = [
        f"`make bench-offline-rl`, {date.today().isoformat()}: MicroGSM {first['size']}, {len(seeds)} seeds, each "
        f"with {first['problems']:,} training problems of 3 sets; {updates} updates after the cloned start; "
        f"{asked:,} test problems in all. p: McNemar, exact, Holm over the column.",
        "",
    ]
    head = ["method", "accuracy", "95 % interval", "each seed", "beta", "to bc", "p", "to filtered_bc", "p"]
    table = []
    for name, outcomes in rows.items():
        right, n = sum(outcomes.values()), len(outcomes)
        interval = wilson(right, n)
        row_parts = sorted((part for part in parts if part["row"] == name), key=lambda part: part["seed"])
        each = " ".join(f"{sum(part['outcomes'].values()) / len(part['outcomes']):.3f}"[1:] for part in row_parts)
        beta = " ".join(f"{part['beta']:g}" for part in row_parts if "beta" in part)
        cells = [name, f"{right / n:.3f}", f"{interval.low:.3f} to {interval.high:.3f}", each, beta]
        cells += _compared(against_bc.get(name)) + _compared(against_filtered.get(name))
        table.append(cells)
    missing = [name for name in ORDER if name not in rows]
    unmeasured = [f"Not measured at this budget yet: {'; '.join(missing)}."] if missing else []
    return "\n".join([*lines, draw_table(head, table), "", *_way_covered(rows), *unmeasured, *_by_beta(parts)]) + "\n"


def _compared(comparison: Comparison | None) -> list[str]:
    if comparison is None:
        return ["", ""]
    p = comparison.p_holm
    return [f"{100 * comparison.difference:+.1f}", "<0.001" if p < 0.001 else f"{p:.3f}"]


def _by_beta(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Accuracy of the rows whose policy is frozen at every beta, over all seeds: nothing is chosen."""
    swept = [part for part in parts if "by_beta" in part]
    if not swept:
        return []
    betas = list(swept[0]["by_beta"])
    lines = [
        "",
        "Values alone, by beta (0: the cloned start), on the same test problems; nothing is chosen here.",
        "",
    ]
    table = []
    for name in (name for name in ROWS if any(part["row"] == name for part in swept)):
        row_parts = [part for part in swept if part["row"] == name]
        asked = sum(len(part["outcomes"]) for part in row_parts)
        cells = [f"{sum(part['by_beta'][beta] for part in row_parts) / asked:.3f}" for beta in betas]
        table.append([name, *cells])
    return [*lines, draw_table(["method", *(f"{float(beta):g}" for beta in betas)], table)]


def _way_covered(rows: Rows) -> list[str]:
    """Which share of the way from bc to the reference each method covers, best first."""
    if not {"bc", "reference"} <= rows.keys():
        return []
    mean = {name: sum(outcomes.values()) / len(outcomes) for name, outcomes in rows.items()}
    whole = mean["reference"] - mean["bc"]
    shares = {name: (mean[name] - mean["bc"]) / whole for name in rows if name in ROWS and name != "bc"}
    best = sorted(shares, key=lambda name: -shares[name])
    return ["Of the way from bc to the reference: " + ", ".join(f"{name} {shares[name]:.0%}" for name in best) + "."]
