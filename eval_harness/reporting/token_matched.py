"""Does decomposing still help when a single stage may spend as many tokens? Pairs against votes, at equal tokens.

Each row with sub-questions is compared with the strongest single-stage row of its solver that spends as many tokens
per problem, give or take 25 % (`cot_few_shot@5` votes over 5 samples). Where there is none, the row to add is named.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dataset_builder.solving.single_stage import is_single_stage, split_style
from eval_harness.records.rows import PairRow
from eval_harness.reporting.tables import comparison_text, tokens_per_problem
from eval_harness.scoring.significance import Comparison, compare_with_baseline, holm

WITHIN = 1.25


def equal_token_lines(rows: Sequence[PairRow]) -> list[str]:
    """One line per comparison, and one that names the rows which would make the others possible."""
    compared: list[tuple[PairRow, PairRow, Comparison]] = []
    styles: dict[str, None] = {}
    for row in rows:
        if _is_single(row) or not tokens_per_problem(row.record):
            continue
        singles = [single for single in rows if _is_single(single) and _solver(single) == _solver(row)]
        matched = [single for single in singles if _ratio(row, single) <= WITHIN]
        if matched:
            strongest = max(matched, key=lambda single: single.record.accuracy)
            scores = {"row": row.correctness, "strongest": strongest.correctness}
            compared.append((row, strongest, compare_with_baseline(scores, "strongest")["row"]))
        elif style := _style_to_add(row, singles):
            styles[style] = None
    corrected = holm([comparison.p_value for _, _, comparison in compared])
    lines = [
        f"- {_named(row)} against {_named(strongest)}: {comparison_text(replace(comparison, p_holm=p_value))}"
        for (row, strongest, comparison), p_value in zip(compared, corrected, strict=True)
    ]
    head = ["At equal tokens (within 25 %, the strongest single-stage row):\n"] if lines else []
    more = f"For a comparison at equal tokens add {', '.join(styles)} with --temperature above 0." if styles else ""
    return [*head, *lines, *([more] if more else [])]


def _is_single(row: PairRow) -> bool:
    return is_single_stage(str(row.record.decomposer["kind"]))


def _solver(row: PairRow) -> str:
    return str(row.record.solver["label"])


def _named(row: PairRow) -> str:
    return f"`{row.record.label}` ({tokens_per_problem(row.record):.0f} tokens/problem)"


def _ratio(left: PairRow, right: PairRow) -> float:
    """How many times more tokens the larger takes; infinite where one takes none."""
    small, large = sorted((tokens_per_problem(left.record), tokens_per_problem(right.record)))
    return large / small if small else math.inf


def _style_to_add(row: PairRow, singles: Sequence[PairRow]) -> str | None:
    """The strongest single-stage style with as many samples as `row` pays for; None where it pays for one only."""
    candidates = []
    for single in singles:
        style, samples = split_style(str(single.record.decomposer["kind"]))
        per_sample = tokens_per_problem(single.record) / samples
        count = round(tokens_per_problem(row.record) / per_sample) if per_sample else 0
        if style != "self_ask" and count > 1:
            candidates.append((single.record.accuracy, f"{style}@{count}"))
    return max(candidates)[1] if candidates else None
