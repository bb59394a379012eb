"""The GPU benchmark's table: planned beside measured memory, speed, share of the card's peak, energy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.core.markdown import draw_table

FIRST = Path(__file__).with_name("h200_2026_11_26.json")
"""The figures of 2026-11-26, before there was this benchmark."""
HEAD = ("run", "cap", "planned", "in use", "s an update", "tokens/s", "of the peak", "J per 1,000 tokens")
MISSING = "-"


def gpu_table(report: dict[str, Any]) -> str:
    """Markdown: a line of what was measured where, and a row for each stage that trains or decodes."""
    stages = report["stages"]
    rows = [
        _row(stage, stages.get("peak", {}).get("tflops", report.get("peak_tflops")))
        for stage in stages.values()
        if "read_tokens_per_second" in stage or "written_tokens_per_second" in stage or "failed" in stage
    ]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    about = f"{report['date']}, {report['gpu']}; {versions}; rows: {report['source']}. Memory in GiB."
    return "\n".join([about, "", draw_table(list(HEAD), rows, right_from=1)])


def _row(stage: dict[str, Any], peak: float | None) -> list[str]:
    if "failed" in stage:
        return [stage["label"], _cap(stage), *[MISSING] * 4, stage["failed"], MISSING]
    speed = stage.get("read_tokens_per_second", stage.get("written_tokens_per_second"))
    share = _share(stage, peak)
    return [
        stage["label"],
        _cap(stage),
        _number(stage.get("planned_gib"), 1),
        _number(stage.get("in_use_gib"), 1),
        _number(stage.get("update_s"), 2),
        _number(speed, 0),
        MISSING if share is None else f"{share:.0%}",
        _number(stage.get("joules_per_1000_tokens"), 0),
    ]


def _share(stage: dict[str, Any], peak: float | None) -> float | None:
    """Of the peak: 4 operations per weight and token, 6 where all weights move; none for what is recomputed."""
    if not peak or "read_tokens_per_second" not in stage or "parameters" not in stage:
        return None
    operations = (6 if stage.get("adapter") == "full" else 4) * stage["parameters"]
    return float(operations * stage["read_tokens_per_second"] / (peak * 1e12))


def _cap(stage: dict[str, Any]) -> str:
    return f"{stage['cap_gib']:g}" if stage.get("cap_gib") else MISSING


def _number(value: float | None, digits: int) -> str:
    return MISSING if value is None else f"{value:,.{digits}f}"
