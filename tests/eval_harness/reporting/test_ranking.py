"""Rows stand the best first, solver by solver; a page opens on the two trained rows that differ most."""

from __future__ import annotations

from dataclasses import replace

from eval_harness.records.rows import PairRow
from eval_harness.reporting.ranking import opening_pair, ranked
from tests.eval_harness.reporting.test_report import make_row


def trained(row: PairRow) -> PairRow:
    decomposer = {"kind": "checkpoint", "label": row.record.label}
    return replace(row, record=replace(row.record, decomposer=decomposer))


def names(rows: tuple[PairRow, ...] | list[PairRow]) -> list[str]:
    return [row.record.name for row in rows]


def test_rows_stand_solver_by_solver_the_best_first() -> None:
    rows = [make_row("a", 1), make_row("b", 9), make_row("c", 5, solver="r"), make_row("d", 9)]
    assert names(ranked(rows)) == ["c--r", "b--s", "d--s", "a--s"]


def test_a_page_opens_on_the_two_trained_rows_that_differ_most() -> None:
    rows = [make_row("reference", 39), make_row("none", 1), *map(trained, (make_row("bc", 20), make_row("dpo", 12)))]
    assert names(opening_pair([*rows, trained(make_row("kto", 15))])) == ["bc--s", "dpo--s"]
    assert names(opening_pair([*rows, trained(make_row("kto", 40, solver="r"))])) == ["bc--s", "dpo--s"]


def test_where_none_was_trained_it_opens_on_the_best_rows_that_differ_most() -> None:
    rows = [make_row("none", 1), make_row("a", 30), make_row("b", 25), make_row("c", 39)]
    assert names(opening_pair(rows)) == ["c--s", "b--s"]


def test_a_lone_row_stands_beside_itself() -> None:
    assert names(opening_pair([make_row("none", 1)])) == ["none--s", "none--s"]
