"""Runs as a table, and two of them side by side with the settings in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dataset_builder.core.markdown import draw_table
from eval_harness.runs.run import Run

HEAD = ("run", "kind", "state", "method", "backbone or solver", "data", "accuracy", "cost", "hours")
PLACES = ("output", "output_dir")
"""Settings in which two runs always differ."""


def runs_table(runs: Sequence[Run]) -> str:
    """A line per run; what is missing or wrong stands below."""
    rows = [
        (run.folder, run.kind, run.state, run.method, run.backbone, run.data, accuracy(run), cost(run), hours(run))
        for run in runs
    ]
    notes = [f"{run.folder}: {run.note}" for run in runs if run.note]
    return "\n".join([draw_table(HEAD, rows, right_from=7), *notes])


def side_by_side(left: Sequence[Run], right: Sequence[Run]) -> str:
    """What came out of two runs, and every setting that differs.

    Args:
        left: the lines of the one: of an evaluation a pair each.
        right: those of the other.
    """
    head = ("", _place(left[0]), _place(right[0]))
    rows = [*_outcomes(left, right), *differences(left[0].settings, right[0].settings)]
    return draw_table(head, rows)


def _place(run: Run) -> str:
    return run.folder.partition(":")[0] if run.kind == "evaluation" else run.folder


def _outcomes(left: Sequence[Run], right: Sequence[Run]) -> Iterator[tuple[str, str, str]]:
    yield "state", left[0].state, right[0].state
    ones, others = ({run.folder.partition(":")[2]: run for run in runs} for runs in (left, right))
    for name in dict.fromkeys([*ones, *others]):
        pair = [ones.get(name), others.get(name)]
        for what, told in (("accuracy", accuracy), ("cost", cost), ("hours", hours)):
            one, other = ("" if run is None else told(run) for run in pair)
            if one or other:
                yield f"{what} {name}".strip(), one, other


def differences(left: dict[str, Any], right: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(setting, here, there) for every setting that differs; those of a section as "ilql.beta"."""
    ones, others = dict(_flat(left)), dict(_flat(right))
    for name in dict.fromkeys([*ones, *others]):
        if ones.get(name) != others.get(name) and name not in PLACES:
            yield name, _shown(ones, name), _shown(others, name)


def _flat(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _shown(settings: dict[str, Any], name: str) -> str:
    value = settings.get(name)
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "not set" if value is None or value == "" else str(value)


def accuracy(run: Run) -> str:
    """In percent with its interval and n; empty where nothing was scored."""
    if run.accuracy is None or run.low is None or run.high is None:
        return ""
    return f"{100 * run.accuracy:.1f} % ({100 * run.low:.1f} - {100 * run.high:.1f}, n {run.n})"


def cost(run: Run) -> str:
    """In dollars; empty where nothing was asked or a price is not known."""
    return "" if run.cost_usd is None else f"${run.cost_usd:.2f}"


def hours(run: Run) -> str:
    """Empty where nothing was measured."""
    return "" if run.hours is None else f"{run.hours:.2f}"
