"""The statistics as a Markdown table, one column per group of splits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataset_builder.core.markdown import draw_table

Stats = dict[str, Any]


def stats_table(stats: dict[str, Stats], rule: str) -> str:
    """A Markdown table of what `stats.dataset_stats` computed; a line that no group has a value for is left out.

    Args:
        stats: by group ("train", "test").
        rule: the answer rule that the dataset's verdicts were made under.
    """
    rows = []
    for label, cell in _lines(stats, rule):
        cells = [cell(group) for group in stats.values()]
        if any(text is not None for text in cells):
            rows.append([label, *("-" if text is None else text for text in cells)])
    return draw_table(["", *stats], rows, right_from=1)


def _lines(stats: dict[str, Stats], rule: str) -> list[tuple[str, Callable[[Stats], str | None]]]:
    most = max(group["correct_sets"]["sets_per_problem"] for group in stats.values())
    kinds = sorted({kind for group in stats.values() for kind in group["data_sheet"]["failures"]})
    return [
        ("problems / sets", lambda group: f"{group['problems']:,} / {group['sets']:,}"),
        ("sub-questions per set, mean +- sd", lambda group: _questions(group["questions"])),
        ("sub-questions per set, median (min to max)", lambda group: _median(group["questions"])),
        (f"right final answers, rule `{rule}`", lambda group: _share(group["accuracy"])),
        ("right under the paper's rule, golds as published", lambda group: _paper(group, "as_published")),
        ("right under the paper's rule, true golds", lambda group: _paper(group, "true_golds")),
        ("golds that the paper's rule misreads", _misread),
        ("sets without a readable answer", lambda group: _verdicts(group["verdicts"])),
        *[(f"problems with {number} right sets", _correct_share(str(number))) for number in range(most + 1)],
        ("usefulness per set, mean +- sd", _usefulness),
        ("any negative vote for a wrong answer: precision / recall", _precision_recall),
        ("1 - mean usefulness for a wrong answer: ROC-AUC", lambda group: _votes(group, "roc_auc")),
        ("mean usefulness and right answer: Pearson", lambda group: _votes(group, "pearson")),
        ("sets that repeat a sub-question", lambda group: _share(group["data_sheet"]["repeated_sets"])),
        ("sub-questions that give a number away", lambda group: _share(group["data_sheet"]["giveaway_questions"])),
        ("sub-questions that ask for what is given", lambda group: _share(group["data_sheet"]["given_questions"])),
        ("sub-questions whose votes disagree", lambda group: _share(group["data_sheet"]["disputed_questions"])),
        ("votes that could not be read", lambda group: _share(group["data_sheet"]["unread_votes"])),
        *[(f"failures, {kind}", _failures(kind)) for kind in kinds],
        ("prompt / completion tokens", lambda group: _tokens(group["data_sheet"]["usage"])),
        ("cost in dollars", lambda group: _cost(group["data_sheet"]["usage"])),
    ]


def _questions(values: Stats) -> str:
    return f"{values['mean']:.2f} +- {values['sd']:.2f}"


def _median(values: Stats) -> str:
    return f"{values['median']:g} ({values['min']} to {values['max']})"


def _share(value: Stats | None) -> str | None:
    """A share in percent with its 95 % interval."""
    if value is None:
        return None
    low, high = value["interval"]
    return f"{100 * value['share']:.2f} % [{100 * low:.2f}, {100 * high:.2f}]"


def _paper(group: Stats, golds: str) -> str | None:
    return _share(group["paper_rule"][golds]) if group["paper_rule"] else None


def _misread(group: Stats) -> str | None:
    return f"{group['paper_rule']['misread_golds']:,}" if group["paper_rule"] else None


def _verdicts(verdicts: dict[str, int]) -> str:
    return f"{sum(count for verdict, count in verdicts.items() if verdict not in ('correct', 'incorrect')):,}"


def _correct_share(number: str) -> Callable[[Stats], str | None]:
    def cell(group: Stats) -> str | None:
        share = group["correct_sets"]["shares"].get(number)
        return None if share is None else f"{100 * share:.2f} %"

    return cell


def _failures(kind: str) -> Callable[[Stats], str | None]:
    return lambda group: f"{group['data_sheet']['failures'].get(kind, 0):,}"


def _usefulness(group: Stats) -> str | None:
    if group["usefulness"] is None:
        return None
    per_set = group["usefulness"]["per_set"]
    return f"{per_set['mean']:.3f} +- {per_set['sd']:.3f}"


def _votes(group: Stats, key: str) -> str | None:
    values = group["votes_against_answers"]
    return None if values is None or values[key] is None else f"{values[key]:.3f}"


def _precision_recall(group: Stats) -> str | None:
    cells = [_votes(group, "precision"), _votes(group, "recall")]
    return None if cells == [None, None] else " / ".join(cell or "-" for cell in cells)


def _tokens(usage: Stats) -> str | None:
    known = usage.get("prompt_tokens", 0) or usage.get("completion_tokens", 0)
    return f"{usage['prompt_tokens']:,} / {usage['completion_tokens']:,}" if known else None


def _cost(usage: Stats) -> str | None:
    return f"{usage['cost_usd']:.2f}" if usage["cost_usd"] else None
