"""The numbers of the dataset paper, and an honest data sheet, as functions of the built dataset.

Reads the `default` and `raw` configs of a dataset folder; `dataset_stats` gives plain values, for `facts.json` and the
card. Two groups are kept apart: "train" (train and validation together: three sets a problem, with votes) and "test".

Source: arXiv 2402.01812, section 3 and figures 1 and 2. Differences: 1. intervals; 2. the data sheet.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataset_builder.answers import extract_final_answer, numbers_equal, parse_number, published_gold
from dataset_builder.dataset_folder.layout import iterate_rows
from dataset_builder.stats.descriptive import (
    confusion,
    histogram,
    pearson,
    precision_recall,
    proportion,
    roc_auc,
    summary,
)
from dataset_builder.text.question_quality import (
    giveaway_questions,
    given_questions,
    mean_usefulness,
    repeated_questions,
)

Row = dict[str, Any]
GROUPS: dict[str, tuple[str, ...]] = {"train": ("train", "validation"), "test": ("test",)}
MEAN_USEFULNESS_BINS = 20
USAGE = ("prompt_tokens", "completion_tokens", "cost_usd")
DEFECTS = {
    "repeated_sets": ("sets", "sets that repeat a sub-question"),
    "giveaway_questions": ("questions", "sub-questions that give a number away"),
    "giveaway_sets": ("sets", ""),
    "given_questions": ("answered_questions", "sub-questions that ask for what is given"),
    "given_sets": ("answered_sets", ""),
    "disputed_questions": ("voted_questions", ""),
    "unread_votes": ("votes", "votes that could not be read"),
}
"""What the data sheet counts: of what it is a share, and its label where table and figure show it as a defect.

Votes that differ are no defect: they are what makes a usefulness between 0 and 1.
"""


@dataclass
class SetColumns:
    """What the statistics need of each set, as columns; texts are not kept."""

    problem_ids: list[str] = field(default_factory=list)
    """A set's problem."""
    lengths: list[int] = field(default_factory=list)
    """Its number of sub-questions."""
    correct: list[int | None] = field(default_factory=list)
    """Its answer correctness."""
    means: list[float | None] = field(default_factory=list)
    """Its mean usefulness."""
    any_negative: list[bool] = field(default_factory=list)
    """Whether any of its votes says no."""
    step_usefulness: collections.Counter[float] = field(default_factory=collections.Counter)
    """Sub-questions by their usefulness."""
    verdicts: collections.Counter[str] = field(default_factory=collections.Counter)
    """Sets by verdict."""
    sheet: collections.Counter[str] = field(default_factory=collections.Counter)
    """What `defect_counts` counts."""
    failures: collections.Counter[str] = field(default_factory=collections.Counter)
    """By "stage: kind"."""
    usage: dict[str, float] = field(default_factory=lambda: dict.fromkeys(USAGE, 0))
    """Tokens and cost of all sets."""
    unpriced: bool = False
    """Whether a set's cost is unknown."""

    def add(self, row: Row) -> None:
        self.problem_ids.append(row["problem_id"])
        self.lengths.append(len(row["sub_questions"]))
        self.correct.append(row["answer_correctness"])
        self.means.append(mean_usefulness(row["usefulness"]))
        self.any_negative.append(any(vote is False for votes in row["votes"] for vote in votes))
        self.step_usefulness.update(round(value, 4) for value in row["usefulness"] if value is not None)
        self.verdicts[row["verdict"]] += 1
        self.sheet.update(defect_counts(row))
        self.failures.update(f"{failure['stage']}: {failure['kind']}" for failure in row["failures"])
        self.unpriced |= row["provenance"]["cost_usd"] is None
        for key in USAGE:
            self.usage[key] += row["provenance"][key] or 0


def dataset_stats(folder: Path, *, is_gsm8k: bool = True) -> dict[str, Any]:
    """The statistics of every group that has rows, by group name; the paper's rule is for GSM8K's problems alone."""
    stats = {}
    for group, splits in GROUPS.items():
        columns = SetColumns()
        for row in iterate_rows(folder, "default", splits):
            columns.add(row)
        if columns.lengths:
            raw_rows = iterate_rows(folder, "raw", splits, ("answers", "answer")) if is_gsm8k else ()
            stats[group] = group_stats(columns) | {"paper_rule": paper_rule_accuracy(raw_rows)}
    return stats


def group_stats(columns: SetColumns) -> dict[str, Any]:
    """Everything about one group of splits, as plain values."""
    answered = [value for value in columns.correct if value is not None]
    return {
        "problems": len(set(columns.problem_ids)),
        "sets": len(columns.lengths),
        "questions": summary(columns.lengths) | {"histogram": histogram(columns.lengths)},
        "accuracy": proportion(sum(answered), len(answered)),
        "verdicts": dict(sorted(columns.verdicts.items())),
        "correct_sets": correct_sets(columns.problem_ids, columns.correct),
        "questions_by_correct_sets": questions_by_correct_sets(columns),
        "usefulness": usefulness_histograms(columns),
        "votes_against_answers": votes_against_answers(columns),
        "data_sheet": data_sheet(columns),
    }


def correct_sets(problem_ids: Sequence[str], correct: Sequence[int | None]) -> dict[str, Any]:
    """The share of problems with 0, 1, 2, ... right sets, and how many sets they have."""
    answers = _answers_by_problem(problem_ids, correct)
    counts = histogram(map(sum, answers.values()))
    most = max(map(len, answers.values()), default=0)
    shares = {str(number): counts.get(str(number), 0) / len(answers) for number in range(most + 1)} if answers else {}
    return {"sets_per_problem": most, "problems": len(answers), "shares": shares}


def questions_by_correct_sets(columns: SetColumns) -> dict[str, dict[str, int]]:
    """Histograms of the number of sub-questions: sets of problems with all sets right, and sets of the others."""
    answers = _answers_by_problem(columns.problem_ids, columns.correct)
    groups: dict[str, list[int]] = {"all_correct": [], "others": []}
    for problem_id, length in zip(columns.problem_ids, columns.lengths, strict=True):
        if problem_id in answers:
            groups["all_correct" if all(answers[problem_id]) else "others"].append(length)
    return {name: histogram(lengths) for name, lengths in groups.items()}


def usefulness_histograms(columns: SetColumns) -> dict[str, Any] | None:
    """Usefulness per sub-question by value, and its mean per set in equal bins of [0, 1]; None without votes."""
    if not columns.step_usefulness:
        return None
    bins = [0] * MEAN_USEFULNESS_BINS
    means = [mean for mean in columns.means if mean is not None]
    for mean in means:
        bins[min(int(mean * MEAN_USEFULNESS_BINS + 1e-9), MEAN_USEFULNESS_BINS - 1)] += 1
    return {
        "per_question": {f"{value:g}": count for value, count in sorted(columns.step_usefulness.items())},
        "per_set_bins": bins,
        "per_set": summary(means),
    }


def votes_against_answers(columns: SetColumns) -> dict[str, Any] | None:
    """How well the votes predict the answer, over sets with votes and an answer; None when there are none.

    "Any negative vote" predicts "final answer wrong" (confusion, precision, recall); the ROC-AUC ranks wrong answers
    by 1 - mean usefulness; Pearson correlates mean usefulness with answer correctness.
    """
    rows = [
        (mean, correct, negative)
        for mean, correct, negative in zip(columns.means, columns.correct, columns.any_negative, strict=True)
        if mean is not None and correct is not None
    ]
    if not rows:
        return None
    wrong = [correct == 0 for _, correct, _ in rows]
    counts = confusion([negative for _, _, negative in rows], wrong)
    precision, recall = precision_recall(counts)
    return {
        "sets": len(rows),
        "confusion": counts,
        "precision": precision,
        "recall": recall,
        "roc_auc": roc_auc([1 - mean for mean, _, _ in rows], wrong),
        "pearson": pearson([mean for mean, _, _ in rows], [float(correct) for _, correct, _ in rows]),
    }


def defect_counts(row: Row) -> collections.Counter[str]:
    """What one set adds to the data sheet: the defects, and what they are shares of."""
    known, answers = f"{row['passage']}\n{row['problem']}", row["sub_answers"]
    counts = collections.Counter(
        sets=1, questions=len(row["sub_questions"]), answered_sets=bool(answers), answered_questions=len(answers)
    )
    for kind, defects in (
        ("repeated", repeated_questions(row["sub_questions"])),
        ("giveaway", giveaway_questions(known, row["sub_questions"])),
        ("given", given_questions(known, answers)),
    ):
        counts[f"{kind}_questions"] += len(defects)
        counts[f"{kind}_sets"] += bool(defects)
    for votes in row["votes"]:
        readable = set(votes) - {None}
        counts["voted_questions"] += bool(readable)
        counts["disputed_questions"] += len(readable) == 2
        counts["unread_votes"] += votes.count(None)
        counts["votes"] += len(votes)
    return counts


def data_sheet(columns: SetColumns) -> dict[str, Any]:
    """Known defects as shares with intervals, failures by kind, tokens and cost."""
    return {
        **{name: proportion(columns.sheet[name], columns.sheet[whole]) for name, (whole, _) in DEFECTS.items()},
        "failures": dict(columns.failures.most_common()),
        "usage": columns.usage | {"cost_usd": None if columns.unpriced else round(columns.usage["cost_usd"], 6)},
    }


def paper_rule_accuracy(raw_rows: Iterable[Row]) -> dict[str, Any] | None:
    """Accuracy under the published rule, against the golds as published (misread) and against the true ones.

    Over the answered sets of problems whose `answer` names a number behind "####"; None when there are none.
    """
    counts: collections.Counter[str] = collections.Counter()
    for row in raw_rows:
        true_gold = parse_number(row["answer"].rpartition("####")[2])
        if "####" not in row["answer"] or true_gold is None:
            continue
        misread = published_gold(row["answer"])
        counts["misread_golds"] += not numbers_equal(misread, true_gold)
        for text in filter(None, row["answers"]):
            answer = extract_final_answer(text, "paper_2402")
            counts["sets"] += 1
            counts["as_published"] += numbers_equal(answer, misread)
            counts["true_golds"] += numbers_equal(answer, true_gold)
    if not counts["sets"]:
        return None
    return {
        "as_published": proportion(counts["as_published"], counts["sets"]),
        "true_golds": proportion(counts["true_golds"], counts["sets"]),
        "misread_golds": counts["misread_golds"],
    }


def _answers_by_problem(problem_ids: Sequence[str], correct: Sequence[int | None]) -> dict[str, list[int]]:
    """The correctness of each answered set, by problem."""
    answers: dict[str, list[int]] = {}
    for problem_id, value in zip(problem_ids, correct, strict=True):
        if value is not None:
            answers.setdefault(problem_id, []).append(value)
    return answers
