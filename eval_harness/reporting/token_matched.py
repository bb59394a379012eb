"""Does decomposing still help when a single stage may spend as many tokens? Pairs against votes, at equal tokens.

Each row with sub-questions is compared with the strongest single-stage row of its solver that spends as many tokens
per problem, give or take 25 % (`cot_few_shot@5` votes over 5 samples). Where there is none, the row to add is named.
"""

from __future__ import annotations

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
    wanted: dict[str, None] = {}
    for row in rows:
        if _is_single(row) or not tokens_per_problem(row.record):
            continue
        singles = [other for other in rows if _is_single(other) and _solver(other) == _solver(row)]
        near = [other for other in singles if _ratio(row, other) <= WITHIN]
        if near:
            rival = max(near, key=lambda other: other.record.accuracy)
            scores = {"row": row.correctness, "rival": rival.correctness}
            compared.append((row, rival, compare_with_baseline(scores, "rival")["row"]))
        elif style := _style_to_add(row, singles):
            wanted[style] = None
    corrected = holm([comparison.p_value for _, _, comparison in compared])
    lines = [
        f"- {_named(row)} against {_named(rival)}: {comparison_text(replace(comparison, p_holm=p_value))}"
        for (row, rival, comparison), p_value in zip(compared, corrected, strict=True)
    ]
    head = ["At equal tokens (within 25 %, the strongest single-stage row):\n"] if lines else []
    more = f"For a comparison at equal tokens add {', '.join(wanted)} with --temperature above 0." if wanted else ""
    return [*head, *lines, *([more] if more else [])]


def _is_single(row: PairRow) -> bool:
    return is_single_stage(str(row.record.decomposer["kind"]))


def _solver(row: PairRow) -> str:
    return str(row.record.solver["label"])


def _named(row: PairRow) -> str:
    return f"`{row.record.label}` ({tokens_per_problem(row.record):.0f} tokens/problem)"


def _ratio(row: PairRow, other: PairRow) -> float:
    """How many times more tokens the one takes than the other, whichever takes more."""
    row_tokens, other_tokens = tokens_per_problem(row.record), tokens_per_problem(other.record)
    return (
        max(row_tokens, other_tokens) / min(row_tokens, other_tokens) if row_tokens and other_tokens else float("inf")
    )


def _style_to_add(row: PairRow, singles: Sequence[PairRow]) -> str | None:
    """The strongest single-stage style with as many samples as `row` pays for; None where it pays for one only."""
    candidates = []
    for other in singles:
        style, samples = split_style(str(other.record.decomposer["kind"]))
        each = tokens_per_problem(other.record) / samples
        count = round(tokens_per_problem(row.record) / each) if each else 0
        if style != "self_ask" and count > 1:
            candidates.append((other.record.accuracy, f"{style}@{count}"))
    return max(candidates)[1] if candidates else None
