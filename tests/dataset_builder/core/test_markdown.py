"""Markdown tables that can be read as text."""

from __future__ import annotations

from dataset_builder.core.markdown import draw_table


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert draw_table(["a", "bb"], [["x", "long one"]]).split("\n") == [
        "| a   | bb       |",
        "| --- | -------- |",
        "| x   | long one |",
    ]


def test_a_table_without_rows_has_its_head() -> None:
    assert draw_table(["a"], []).split("\n") == ["| a   |", "| --- |"]


def test_numbers_may_stand_at_the_right() -> None:
    assert draw_table(["", "n"], [["test", "1,319"]], right_from=1).split("\n") == [
        "|      |     n |",
        "| ---- | ----: |",
        "| test | 1,319 |",
    ]
