"""The plan against what four runs had in use on an H200 on 2026-11-26: Mistral-7B's shape, 128 or 64 rows an update.

Rows were those of the published test sub-questions, sorted by length inside an update, so many of them a micro-batch;
the longest of an update is 275 of their tokens at most (seed 0). Activations were recomputed.
"""

from __future__ import annotations

from typing import Any

import pytest

from recipes.config.compose import Names
from recipes.planning.memory import GIB, estimate_memory
from recipes.planning.shapes import shape_of
from tests.golden.write_recipes import recipe_of

LONGEST = 275
RUNS: dict[str, tuple[str, str, int, float]] = {
    "QLoRA planned for 8gb": ("bc", "qlora", 2, 5.70),
    "QLoRA planned for 24gb": ("bc", "qlora", 32, 10.00),
    "LoRA planned for 24gb": ("bc", "lora", 8, 17.17),
    "ILQL QLoRA planned for 24gb": ("ilql_full", "qlora", 32, 13.99),
}
"""Method, adapter, rows of a micro-batch, GiB of the card in use."""


@pytest.mark.parametrize("run", RUNS)
def test_planned_memory_is_within_a_fifth_above_what_the_card_had_in_use(run: str) -> None:
    method, adapter, rows, in_use = RUNS[run]
    changes: dict[str, Any] = {"init_from": "outputs/bc"} if method != "bc" else {}
    config = recipe_of(Names("mistral-7b", method, adapter), gradient_checkpointing=True, **changes)
    planned = estimate_memory(config, shape_of(config), rows * LONGEST).total / GIB
    assert 0.95 <= planned / in_use <= 1.2, f"{planned:.2f} planned, {in_use:.2f} in use"
