"""A card's figures: its own row is marked, rows stand as in the table, and the loss says what it is over."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eval_harness.records.results import ResultsRecord
from model_cards.card import figures
from model_cards.card.config import CardConfig
from model_cards.card.content import CardContent, gather_content
from model_cards.card.score_table import score_table
from recipes.config.methods import METHODS
from tests.support.records import TRAINING


@pytest.fixture
def card(checkpoint: Path, results: Path, dataset: Path) -> CardContent:
    return gather_content(CardConfig(checkpoint=str(checkpoint), results=str(results), dataset=str(dataset)))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], list[str], Sequence[str]]]:
    """(decomposers, solvers, own) of each forest plot, in place of drawing it."""
    calls: list[Any] = []

    def draw(records: Sequence[ResultsRecord], *_: object, own: Sequence[str], **__: object) -> None:
        calls.append(([row.label for row in records], [str(row.solver["label"]) for row in records], own))

    monkeypatch.setattr(figures, "forest_plot", draw)
    return calls


def test_the_own_row_of_a_decomposer_is_marked(card: CardContent, tmp_path: Path, drawn: list[Any]) -> None:
    figures.write_figures(card, tmp_path)
    ((decomposers, _, own),) = drawn
    assert own == [row.name for row in card.own_rows]
    assert set(decomposers) == {"filtered_bc", "teacher", "none"}


def test_a_solver_is_marked_over_its_rows(card: CardContent, tmp_path: Path, drawn: list[Any]) -> None:
    figures.write_figures(dataclasses.replace(card, role="solver"), tmp_path)
    ((_, solvers, own),) = drawn
    assert own == []
    assert sorted(solvers) == ["micro-gsm-solver", "micro-gsm-solver", "micro-gsm-solver (this model)"]


def test_a_local_folder_never_reaches_the_figure(card: CardContent, tmp_path: Path, drawn: list[Any]) -> None:
    row = card.own_rows[0]
    path = str(row.decomposer["checkpoint"])
    longer = dataclasses.replace(row, decomposer=row.decomposer | {"label": f"filtered_bc ({path})"})
    figures.write_figures(dataclasses.replace(card, rows=(longer,), own_rows=(longer,)), tmp_path)
    assert drawn[0][0] == [f"filtered_bc ({Path(path).name})"]


def test_the_tables_rows_stand_in_the_figures_order(card: CardContent) -> None:
    table = score_table(card).text
    assert table.index("teacher") < table.index("**filtered_bc**") < table.index("none")


def test_a_push_takes_the_figures_that_are_there(card: CardContent, tmp_path: Path, drawn: list[Any]) -> None:
    (tmp_path / figures.ACCURACY).write_bytes(b"\x89PNG")
    figures.write_figures(card, tmp_path, redraw=False)
    assert drawn == []


def test_the_loss_says_what_its_curves_are_over() -> None:
    assert figures.loss_sentence(TRAINING) == (
        "Line: mean over the training rows of the updates since the point before (566 were left out by the method); "
        "dashed: mean over the validation rows, none of them left out, at the end."
    )
    cloned = dataclasses.replace(TRAINING, method="bc", dropped_examples=0)
    assert figures.loss_sentence(cloned).endswith("before; dashed: mean over the validation rows, at the end.")
    assert "dashed" not in figures.loss_sentence(dataclasses.replace(TRAINING, validation_loss=None))
    units = {name: figures.loss_unit(name) for name in METHODS}
    assert (units["bc"], units["dpo"], units["kto"], units["ilql_full"]) == ("trained token", "pair", "set", "action")
