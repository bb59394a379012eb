"""The tables that `replay` prints: as published beside recomputed, and corrected, with what flipped and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dataset_builder.core.markdown import draw_table
from eval_harness.reproduction.published_cells import agrees
from eval_harness.reproduction.responses import PAPER_RULE


def replay_tables(report: dict[str, Any]) -> str:
    """Markdown: one table per rule, then the notes."""
    parts = [_published_table(report["files"])] if PAPER_RULE in report["rules"] else []
    parts += [_corrected_table(report["files"], rule) for rule in report["rules"] if rule != PAPER_RULE]
    if report["notes"]:
        parts.append("Notes\n" + "\n".join(f"- {note}" for note in report["notes"]))
    return "\n\n".join(parts)


def _published_table(files: Sequence[dict[str, Any]]) -> str:
    head = [
        "solver",
        "file",
        "row by the file's facts",
        "row as printed",
        "printed",
        "recomputed",
        "95 % interval",
        "n",
    ]
    lines, agreeing, printed = [], 0, 0
    for entry in files:
        score = entry["rules"][PAPER_RULE]
        same = agrees(entry["printed"], score["accuracy"])
        agreeing, printed = agreeing + same, printed + (entry["printed"] is not None)
        lines.append(
            [
                entry["solver"],
                entry["file"].rpartition("/")[2],
                entry["label"] + (" (crossed)" if entry["crossed"] else ""),
                entry["printed_as"],
                "-" if entry["printed"] is None else entry["printed"] + ("" if same else " (differs)"),
                f"{score['accuracy']:.4f}",
                _interval(score),
                str(score["n"]),
            ]
        )
    text = f"As published: rule {PAPER_RULE}, each row against its own `answer` field.\n\n{draw_table(head, lines)}"
    return text + (f"\n\n{agreeing} of {printed} printed cells agree." if printed else "")


def _corrected_table(files: Sequence[dict[str, Any]], rule: str) -> str:
    head = [
        "solver",
        "row",
        "published",
        f"{rule}, true golds",
        "95 % interval",
        "n",
        "against bc",
        "no answer",
        "flipped",
        "why",
    ]
    lines = []
    for entry in files:
        score, flipped = entry["rules"][rule], entry["rules"][rule].get("flips")
        published = entry["rules"].get(PAPER_RULE)
        lines.append(
            [
                entry["solver"],
                entry["label"],
                f"{published['accuracy']:.4f}" if published else "-",
                f"{score['accuracy']:.4f}",
                _interval(score),
                str(score["n"]),
                _against(score),
                str(score["counts"]["no_answer"]),
                f"+{flipped['to_correct']} -{flipped['to_incorrect']}" if flipped else "-",
                ", ".join(f"{count} {why}" for why, count in flipped["why"].items()) if flipped else "-",
            ]
        )
    return (
        f"Corrected: rule {rule} with the true golds.\n\n{draw_table(head, lines)}{_totals(files, rule)}"
        "\nAgainst bc of the same backbone and solver, in points: exact McNemar, Holm over the solver's rows, 5 %. "
        "One seed; Wilson intervals."
    )


def _totals(files: Sequence[dict[str, Any]], rule: str) -> str:
    why: Counter[str] = Counter()
    for entry in files:
        why.update(entry["rules"][rule].get("flips", {}).get("why", {}))
    wrong = sorted({index for entry in files for index in entry["wrong_published_golds"]})
    if not wrong and not why:
        return ""
    n = sum(entry["rules"][rule]["n"] for entry in files)
    reasons = ", ".join(f"{count} {name}" for name, count in why.most_common())
    indices = ", ".join(map(str, wrong))
    return (
        f"\n\n{why.total()} of {n} verdicts differ from the published ones: {reasons or 'none'}. "
        f"{len(wrong)} published golds are wrong (rows {indices})."
    )


def _against(score: dict[str, Any]) -> str:
    if "against" not in score:
        return "-"
    comparison = score["against"]
    text = f"{100 * comparison['difference']:+.1f}"
    return text if comparison["distinguishable"] else f"{text}, not distinguishable"


def _interval(score: dict[str, Any]) -> str:
    low, high = score["interval"]
    return f"{low:.4f} - {high:.4f}"
