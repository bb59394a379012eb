"""What a pair costs, per role: requests, tokens, seconds, dollars; and watt-hours where a GPU counts them.

Tokens are the endpoint's own usage or the tokenizer's count, never words. `saved_tokens` are what stop strings saved
at most: where a model in this process ended at one, its limit less what it had written; an endpoint does not tell.
`seconds` is the sum of the requests' times: requests run side by side, so a run's wall clock is shorter (`wall_s`).

    {"decompose": {"requests": 1319, "prompt_tokens": 355302, ..., "cost_usd": 0.13, "cost_per_1000_usd": 0.0986}, ...}

Source: arXiv 2402.15000, table 5 (cost columns). Differences: 1. real tokens instead of blank-separated words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataset_builder.core.markdown import draw_table
from dataset_builder.solving.records import Usage, total_usage
from eval_harness.records.predictions import Prediction
from eval_harness.records.results import ResultsRecord


def usage_by_role(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Tokens, seconds and dollars of decomposing and of solving; a dollar figure is None when a price is unknown."""
    roles = {
        "decompose": [prediction.decomposition.usage for prediction in predictions],
        "solve": [prediction.reply.usage for prediction in predictions],
    }
    return {role: _summary(usages) for role, usages in roles.items()}


def _summary(usages: Sequence[Usage]) -> dict[str, Any]:
    total = total_usage(usages)
    cost = total.cost_usd
    return {
        "predictions": len(usages),
        "prompt_tokens": total.prompt_tokens,
        "completion_tokens": total.completion_tokens,
        "reasoning_tokens": total.reasoning_tokens,
        "saved_tokens": total.saved_tokens,
        "seconds": round(total.seconds, 6),
        "cost_usd": cost,
        "cost_per_1000_usd": None if cost is None or not usages else 1000 * cost / len(usages),
    }


def usage_columns(record: ResultsRecord, *, reasoning: bool) -> dict[str, Any]:
    """A record's usage flat, for the CSV table: decompose_prompt_tokens, ..., solve_cost_usd, wall_s, energy_wh.

    Args:
        record: the row's.
        reasoning: whether some row of the table has reasoning tokens, and so all have their columns.
    """
    thought = ["reasoning_tokens"] if reasoning else []
    kept = ("prompt_tokens", "completion_tokens", *thought, "saved_tokens", "seconds", "cost_usd")
    flat = {f"{role}_{name}": usage.get(name, "") for role, usage in record.usage.items() for name in kept}
    return {**flat, "wall_s": record.wall_s, "energy_wh": "" if record.energy_wh is None else record.energy_wh}


def cost_table(records: Sequence[ResultsRecord]) -> str:
    """Tokens, seconds and dollars per 1,000 problems and role; what is zero everywhere has no column."""
    lines = [_cost_cells(record) for record in records]
    head = [name for name in lines[0] if name in _ALWAYS or any(line[name] not in _NOTHING for line in lines)]
    if set(head) <= set(_ALWAYS):
        return "Cost: no tokens, seconds or prices were recorded."
    drawn = draw_table(head, [[line[name] for name in head] for line in lines])
    unknown = any(line[name] == UNKNOWN for line in lines for name in head)
    note = (
        f"\n\n{UNKNOWN}: the model's price is not known; name it with --price_input and --price_output."
        if unknown
        else ""
    )
    return f"Cost per 1,000 problems (tokens in + out; seconds summed over requests):\n\n{drawn}{note}"


UNKNOWN = "?"
"""Dollars of tokens whose price nobody named."""
_ALWAYS = ("solver", "decomposer")
_NOTHING = ("0", "0 + 0", "0.0", "$0.00", "-")


def _cost_cells(record: ResultsRecord) -> dict[str, str]:
    cells = {"solver": str(record.solver["label"]), "decomposer": record.label}
    per = 1000 / record.n
    for role, usage in record.usage.items():
        cells[f"{role}: tokens"] = f"{usage['prompt_tokens'] * per:.0f} + {usage['completion_tokens'] * per:.0f}"
        cells[f"{role}: of these reasoning"] = f"{usage.get('reasoning_tokens', 0) * per:.0f}"
        cells[f"{role}: s"] = f"{usage['seconds'] * per:.1f}"
        cells[f"{role}: $"] = UNKNOWN if usage["cost_usd"] is None else f"${usage['cost_usd'] * per:.2f}"
        cells[f"{role}: saved by stop strings"] = f"{usage.get('saved_tokens', 0) * per:.0f}"
    cells["Wh"] = "-" if record.energy_wh is None else f"{record.energy_wh * per:.1f}"
    return cells
