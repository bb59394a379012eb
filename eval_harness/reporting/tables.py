"""Rows of a grid -> Markdown, LaTeX and CSV tables; each says n, seeds and rule.

Within a solver every row is compared with the baseline row: paired bootstrap interval of the difference, exact
McNemar, Holm over the table. A difference that does not survive is marked "not distinguishable", however large it
looks. Where answers are spans, F1 stands beside the accuracy (DROP's exact match).
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from statistics import median

from dataset_builder.core.markdown import draw_table
from dataset_builder.schema.verdicts import VERDICTS
from eval_harness.records.results import ResultsRecord
from eval_harness.records.rows import PairRow
from eval_harness.records.verdicts import mean_by_problem
from eval_harness.scoring.cost import usage_columns
from eval_harness.scoring.significance import (
    Comparison,
    bootstrap_mean,
    compare_with_baseline,
    smallest_detectable_effect,
)

HEAD = (
    "solver",
    "decomposer",
    "accuracy",
    "95 % interval",
    "F1",
    "n",
    "seen before",
    *VERDICTS[1:],
    "tokens/problem",
    "against",
)
UNTESTED = "-"


def comparisons(rows: Sequence[PairRow], baseline: str) -> dict[str, Comparison]:
    """Record name -> comparison with the baseline row of the same solver; Holm runs over each solver's rows."""
    results: dict[str, Comparison] = {}
    for solver in dict.fromkeys(str(row.record.solver["label"]) for row in rows):
        solver_rows = [row for row in rows if row.record.solver["label"] == solver]
        names = {row.record.label: row.record.name for row in solver_rows}
        if baseline in names and len(solver_rows) > 1:
            outcome = compare_with_baseline({row.record.label: row.correctness for row in solver_rows}, baseline)
            results |= {names[label]: comparison for label, comparison in outcome.items()}
    return results


def table(rows: Sequence[PairRow], baseline: str) -> list[dict[str, str]]:
    """One dict of rendered cells per row, keys as in HEAD."""
    tested = comparisons(rows, baseline)
    return [_cells(row, tested.get(row.record.name), baseline) for row in rows]


def _cells(row: PairRow, comparison: Comparison | None, baseline: str) -> dict[str, str]:
    record, interval = row.record, row.record.interval
    cells = {
        "solver": str(record.solver["label"]),
        "decomposer": record.label,
        "accuracy": f"{100 * record.accuracy:.1f} %",
        "95 % interval": f"{100 * interval['low']:.1f} - {100 * interval['high']:.1f}",
        "F1": f1_cell(row),
        "n": str(record.n),
        "seen before": record.seen_before or UNTESTED,
        "tokens/problem": f"{tokens_per_problem(record):.0f}" if tokens_per_problem(record) else UNTESTED,
        "against": "baseline" if record.label == baseline else comparison_text(comparison),
    }
    return cells | {verdict: str(record.counts[verdict]) for verdict in VERDICTS[1:]}


def f1_cell(row: PairRow) -> str:
    """The mean F1 in percent with its interval, resampling problems."""
    interval = bootstrap_mean(list(mean_by_problem(row.scores).values()))
    return f"{100 * row.record.mean_score:.1f} ({100 * interval.low:.1f} - {100 * interval.high:.1f})"


def has_parts(rows: Sequence[PairRow]) -> bool:
    """Whether some answer earned a part of its score, so that F1 says more than the accuracy."""
    return any(abs(row.record.mean_score - row.record.accuracy) > 1e-12 for row in rows)


def tokens_per_problem(record: ResultsRecord) -> float:
    """Prompt and reply tokens of both roles, per prediction."""
    roles = record.usage.values()
    return sum(role["prompt_tokens"] + role["completion_tokens"] for role in roles) / record.n


def p_text(p_value: float) -> str:
    """A p-value in words: "p = 0.042"."""
    return f"p = {p_value:.3f}" if p_value >= 0.001 else "p < 0.001"


def comparison_text(comparison: Comparison | None) -> str:
    """A comparison in words, with its p-value after Holm's correction."""
    if comparison is None:
        return UNTESTED
    difference = f"{100 * comparison.difference:+.1f}"
    p_value = p_text(comparison.p_holm)
    return (
        f"{difference}, {p_value}" if comparison.distinguishable else f"{difference}, not distinguishable ({p_value})"
    )


def caption(rows: Sequence[PairRow], baseline: str, *, warned: bool = False) -> str:
    """What every table has to say: problems, seeds, rule, test, and the smallest effect it can detect.

    Args:
        rows: those of the table.
        baseline: the row that the others are compared with.
        warned: what was seen before stands elsewhere, as in the page.
    """
    record = rows[0].record
    tested = comparisons(rows, baseline)
    seeds = f"seed{'s' if len(record.seeds) > 1 else ''} {', '.join(map(str, record.seeds))}"
    text = (
        f"{record.asked}, {record.dataset['problems']} problems, {seeds}, "
        f"rule {record.rule}; intervals: {record.interval['method'].capitalize()}."
    )
    text = " ".join([text, *([] if warned else overlap_sentences(rows))])
    if not tested:
        return text
    per_solver = Counter(row.record.solver["label"] for row in rows if row.record.name in tested)
    test = f"Against \"{baseline}\": exact McNemar test, Holm's correction over the solver's rows, 5 %."
    return " ".join(filter(None, (text, test, power_sentence(list(tested.values()), max(per_solver.values())))))


def overlap_warnings(rows: Sequence[PairRow]) -> list[str]:
    """What a reader has to know of rows that saw the problems before, or of which that is not known."""
    return list(dict.fromkeys(line for row in rows for line in row.record.overlap_told))


def overlap_sentences(rows: Sequence[PairRow]) -> list[str]:
    """The warnings; where there is none but checkpoints were looked at, that they saw none of the problems."""
    overlaps = [row.record.overlap for row in rows if row.record.overlap]
    looked_at = any(overlap.decomposer or overlap.solver for overlap in overlaps)
    none_seen = "No checkpoint was trained on any of these problems, nor on any in nearly the same words."
    return overlap_warnings(rows) or ([none_seen] if looked_at else [])


def power_sentence(tested: Sequence[Comparison], corrected: int) -> str:
    """The smallest difference that the test finds with 80 % power, before and after Holm's correction.

    Args:
        tested: the comparisons of a table; the claim is for the fewest problems, and for their median disagreement.
        corrected: the rows that Holm's correction runs over.
    """
    n, share = min(item.n for item in tested), median((item.row_only + item.baseline_only) / item.n for item in tested)
    alone, after = (smallest_detectable_effect(n, share, level=0.05 / rows) for rows in (1, corrected))
    if math.isnan(alone):
        return ""
    text = f"With rows that differ on {100 * share:.0f} % of the problems it has 80 % power"
    text += f" to find {100 * alone:.1f} points"
    if corrected == 1:
        return f"{text}."
    beside = "none" if math.isnan(after) else f"{100 * after:.1f} points"
    return f"{text} before the correction, {beside} after it (over {corrected} rows)."


def markdown_table(rows: Sequence[PairRow], baseline: str) -> str:
    """The table for people and READMEs; columns that hold nothing but zeros are left out."""
    head = columns(rows)
    cells = [[line[name] for name in head] for line in table(rows, baseline)]
    return f"{draw_table(head, cells)}\n\n{' '.join([caption(rows, baseline), *machine_sentence(rows)])}"


def machine_sentence(rows: Sequence[PairRow]) -> list[str]:
    """Where the scores of models in this process hold to the digit; nothing where none ran here."""
    here = sorted({row.record.machine for row in rows if row.record.machine})
    torch = sorted({f"torch {row.record.packages.get('torch', '?')}" for row in rows if row.record.machine})
    if not here:
        return []
    where = f"{', '.join(here)} with {', '.join(torch)}"
    return [
        f"Checkpoints ran on {where}: elsewhere sums round otherwise, which changes a greedy text now and then, and a "
        "score with it."
    ]


def columns(rows: Sequence[PairRow]) -> list[str]:
    """The columns worth showing: no lone solver, no F1 that is the accuracy, no verdict that never came up."""
    shown: dict[str, bool] = {verdict: any(row.record.counts[verdict] for row in rows) for verdict in VERDICTS}
    shown |= {"solver": len({row.record.solver["label"] for row in rows}) > 1, "F1": has_parts(rows)}
    shown["seen before"] = any(row.record.seen_before for row in rows)
    return [name for name in HEAD if shown.get(name, True)]


def latex_table(rows: Sequence[PairRow], baseline: str) -> str:
    """A booktabs table."""
    head = columns(rows)
    lines = [
        f"\\begin{{tabular}}{{{'l' * len(head)}}}",
        "\\toprule",
        " & ".join(map(_latex, head)) + " \\\\",
        "\\midrule",
    ]
    lines += [" & ".join(_latex(line[name]) for name in head) + " \\\\" for line in table(rows, baseline)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", f"% {caption(rows, baseline)}"]) + "\n"


def _latex(text: str) -> str:
    for sign in "&%$#_{}":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("<", "$<$").replace(" - ", "--")


def csv_table(rows: Sequence[PairRow], baseline: str) -> str:
    """Fractions and counts as numbers, one line per pair."""
    tested, lines = comparisons(rows, baseline), []
    reasoning = any(usage.get("reasoning_tokens") for row in rows for usage in row.record.usage.values())
    for row in rows:
        record, comparison = row.record, tested.get(row.record.name)
        lines.append(
            {
                "solver": record.solver["label"],
                "decomposer": record.label,
                "accuracy": record.accuracy,
                "low": record.interval["low"],
                "high": record.interval["high"],
                "mean_score": record.mean_score,
                "n": record.n,
                "seeds": " ".join(map(str, record.seeds)),
                "rule": record.rule,
                **record.counts,
                "seen_before": record.seen_before,
                "tokens_per_problem": tokens_per_problem(record),
                **usage_columns(record, reasoning=reasoning),
                "baseline": baseline if comparison else "",
                "difference": comparison.difference if comparison else "",
                "difference_low": comparison.interval.low if comparison else "",
                "difference_high": comparison.interval.high if comparison else "",
                "p_value": comparison.p_value if comparison else "",
                "p_holm": comparison.p_holm if comparison else "",
            }
        )
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()
