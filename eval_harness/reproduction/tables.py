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
    lines, agreeing = [], 0
    for entry in files:
        score, printed = entry["rules"][PAPER_RULE], entry["printed"]
        same = agrees(printed, score["accuracy"])
        agreeing += same
        lines.append(
            {
                "solver": entry["solver"],
                "file": entry["file"].rpartition("/")[2],
                "row by the file's facts": entry["label"] + (" (crossed)" if entry["crossed"] else ""),
                "row as printed": entry["printed_as"],
                "printed": "-" if printed is None else printed + ("" if same else " (differs)"),
                "recomputed": f"{score['accuracy']:.4f}",
                "95 % interval": _interval(score),
                "n": str(score["n"]),
            }
        )
    text = f"As published: rule {PAPER_RULE}, each row against its own `answer` field.\n\n{_draw(lines)}"
    cells = sum(entry["printed"] is not None for entry in files)
    return text + (f"\n\n{agreeing} of {cells} printed cells agree." if cells else "")


def _corrected_table(files: Sequence[dict[str, Any]], rule: str) -> str:
    lines = []
    for entry in files:
        score, published = entry["rules"][rule], entry["rules"].get(PAPER_RULE)
        flipped = score.get("flips")
        lines.append(
            {
                "solver": entry["solver"],
                "row": entry["label"],
                "published": f"{published['accuracy']:.4f}" if published else "-",
                f"{rule}, true golds": f"{score['accuracy']:.4f}",
                "95 % interval": _interval(score),
                "n": str(score["n"]),
                "against bc": _against(score),
                "no answer": str(score["counts"]["no_answer"]),
                "flipped": f"+{flipped['to_correct']} -{flipped['to_incorrect']}" if flipped else "-",
                "why": ", ".join(f"{count} {why}" for why, count in flipped["why"].items()) if flipped else "-",
            }
        )
    return (
        f"Corrected: rule {rule} with the true golds.\n\n{_draw(lines)}{_totals(files, rule)}"
        "\nAgainst bc of the same backbone and solver, in points: exact McNemar, Holm over the solver's rows, 5 %. "
        "One seed; Wilson intervals."
    )


def _draw(lines: Sequence[dict[str, str]]) -> str:
    """A table of lines with the same columns."""
    return draw_table(list(lines[0]), [list(line.values()) for line in lines])


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
