"""The statistics as a Markdown table, one column per group of splits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dataset_builder.core.markdown import draw_table
from dataset_builder.stats.dataset_stats import DEFECTS

Stats = dict[str, Any]


def stats_table(stats: dict[str, Stats], rule: str) -> str:
    """A Markdown table of what `stats.dataset_stats` computed; a line that no group has a value for is left out.

    Args:
        stats: by group ("train", "test").
        rule: the answer rule that the dataset's verdicts were made under.
    """
    most = max(group["correct_sets"]["sets_per_problem"] for group in stats.values())
    failures = sorted({kind for group in stats.values() for kind in group["data_sheet"]["failures"]})
    columns = [dict(_cells(group, rule, most, failures)) for group in stats.values()]
    rows = [[label, *(column[label] or "-" for column in columns)] for label in columns[0]]
    return draw_table(["", *stats], [row for row in rows if set(row[1:]) != {"-"}], right_from=1)


def headline(stats: dict[str, Stats]) -> str:
    """The numbers that matter most, as a list in Markdown, one line per group."""
    lines = []
    for name, group in stats.items():
        right = _share(group["accuracy"])
        parts = [
            f"{_mean(group['questions'], 2)} sub-questions a set",
            f"right final answers {right}" if right else "never answered",
            *([f"mean usefulness {_mean(group['usefulness']['per_set'], 2)}"] if group["usefulness"] else []),
        ]
        lines.append(f"- {name}: {', '.join(parts)}")
    return "\n".join(lines)


def _cells(group: Stats, rule: str, most: int, failures: list[str]) -> Iterator[tuple[str, str | None]]:
    """(label, text) of every line; None where the group has no such value."""
    questions, sheet = group["questions"], group["data_sheet"]
    paper, usefulness, votes = (group[key] or {} for key in ("paper_rule", "usefulness", "votes_against_answers"))
    unread = sum(count for verdict, count in group["verdicts"].items() if verdict not in ("correct", "incorrect"))
    yield "problems / sets", f"{group['problems']:,} / {group['sets']:,}"
    yield "sub-questions per set, mean +- sd", _mean(questions, 2)
    median = f"{questions['median']:g} ({questions['min']} to {questions['max']})"
    yield "sub-questions per set, median (min to max)", median
    yield f"right final answers, rule `{rule}`", _share(group["accuracy"])
    yield "right under the paper's rule, golds as published", _share(paper.get("as_published"))
    yield "right under the paper's rule, true golds", _share(paper.get("true_golds"))
    yield "golds that the paper's rule misreads", _number(paper.get("misread_golds"), ",")
    yield "sets without a readable answer", _number(unread, ",")
    for number in range(most + 1):
        share = group["correct_sets"]["shares"].get(str(number))
        yield f"problems with {number} of {most} sets right", None if share is None else f"{100 * share:.2f} %"
    yield "usefulness per set, mean +- sd", _mean(usefulness.get("per_set"), 3)
    yield "sub-questions whose votes differ", _share(sheet["disputed_questions"])
    pair = [_number(votes.get(key), ".3f") for key in ("precision", "recall")]
    both = " / ".join(text or "-" for text in pair) if any(pair) else None
    yield "any negative vote for a wrong answer: precision / recall", both
    yield "1 - mean usefulness for a wrong answer: ROC-AUC", _number(votes.get("roc_auc"), ".3f")
    yield "mean usefulness and right answer: Pearson", _number(votes.get("pearson"), ".3f")
    for name, (_, label) in DEFECTS.items():
        if label:
            yield label, _share(sheet[name])
    for kind in failures:
        yield f"failures, {kind}", _number(sheet["failures"].get(kind, 0), ",")
    usage = sheet["usage"]
    tokens = f"{usage['prompt_tokens']:,} / {usage['completion_tokens']:,}"
    yield "prompt / completion tokens", tokens if usage["prompt_tokens"] or usage["completion_tokens"] else None
    yield "cost in dollars", f"{usage['cost_usd']:.2f}" if usage["cost_usd"] else None


def _number(value: float | None, form: str) -> str | None:
    return None if value is None else format(value, form)


def _mean(values: Stats | None, decimals: int) -> str | None:
    return f"{values['mean']:.{decimals}f} +- {values['sd']:.{decimals}f}" if values else None


def _share(value: Stats | None) -> str | None:
    """A share in percent with its 95 % interval."""
    if value is None:
        return None
    low, high = value["interval"]
    return f"{100 * value['share']:.2f} % [{100 * low:.2f}, {100 * high:.2f}]"
