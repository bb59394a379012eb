"""The offline RL figure shows what the table in the README says: sorted, in percent, nothing twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.experiments.offline_rl import figures
from tests.experiments.offline_rl.rows import EXPERIMENTS

TABLE = (EXPERIMENTS / "README.md").read_text(encoding="utf-8").partition("<!-- bench-offline-rl: start -->")[2]


def test_rows_are_the_tables_the_best_first() -> None:
    rows = figures.read_outcomes(TABLE)
    assert [row.right for row in rows] == sorted((row.right for row in rows), reverse=True)
    for row in rows:
        name = row.name if row.name != figures.START else "ilql_full, frozen policy"
        assert f"| {name} | {row.right / row.n:.3f} |" in TABLE


def test_what_is_the_cloned_start_by_construction_is_one_row() -> None:
    times = Counter(row.name for row in figures.read_outcomes(TABLE))
    assert times[figures.START] == 1
    assert not [name for name in times if "frozen" in name and name != figures.START]


def test_the_figure_names_its_world_its_kinds_and_percents(tmp_path: Path) -> None:
    figures.draw_accuracies(TABLE, tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text(encoding="utf-8")
    for text in (
        "MicroGSM halving: solver accuracy",
        "accuracy on 1,200 test problems (3 seeds)",
        "91.2 %",
        *figures.KINDS,
    ):
        assert f"<!-- {text}" in drawn
