"""The one function behind the reward `answer_correctness` and every test score.

Reads a solver's text and a problem; gives a `Judgement`:

    Judgement(verdict="correct", extracted="18", explanation='read 18 after "Final answer:", gold 18', score=1.0)

It says `correct`, `incorrect` or `no_answer`. The other two verdicts are about texts that never got here: who asked
for the text says `request_failed`, who could not read the sub-questions says `parse_failure`. None is `no_answer`.

    answer_kind  right when                                              score
    number       the exact numbers are equal                             1 or 0
    text         normalised match with the gold or an alias (Bamboogle)  1 or 0
    spans        DROP's exact match                                      DROP's F1
    yes_no       the same word                                           1 or 0

Words are read where the rule finds an answer; `paper_2402` and `last_number` know numbers only, so for words they read
as `flexible` does. Under `paper_2402` the gold, too, is read as the published code reads it (2,125 is 2 to it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from dataset_builder.answers import (
    extract_final_answer,
    format_number,
    locate_answer,
    numbers_equal,
    parse_number,
    published_gold,
)
from dataset_builder.answers.spans import drop_scores, normalised_match, yes_no
from dataset_builder.schema.records import AnswerKind, Problem, Verdict

_TEXT_RULES = ("first_marker", "flexible")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with the answer that was read, one sentence on why, and a score in [0, 1]."""

    verdict: Verdict
    extracted: str | None
    explanation: str
    score: float


def judge(answers_text: str | None, problem: Problem, rule: str = "flexible") -> Judgement:
    """Whether a solver's text answers `problem`, read under `rule` (see `dataset_builder.answers`).

    >>> judge("Final answer: 18", Problem("p", "How many?", "18", "made"), "first_marker").explanation
    'read 18 after "Final answer:", gold 18'

    Raises:
        ValueError: there is no such rule, or a number problem has a gold answer that is no number.
    """
    if problem.answer_kind == "number":
        return _judge_number(answers_text, problem, rule)
    located = locate_answer(answers_text, rule if rule in _TEXT_RULES else "flexible")
    if located is None or not located.span:
        return Judgement("no_answer", None, f"no answer under {rule}, gold {problem.gold_answer}", 0.0)
    return _WORDS[problem.answer_kind](located.span.strip(" *_`").rstrip("."), located.where, problem)


def _judge_number(text: str | None, problem: Problem, rule: str) -> Judgement:
    located, number = locate_answer(text, rule), extract_final_answer(text, rule)
    golds = _golds(problem, rule)
    gold = format_number(golds[0])
    if number is None:
        place = f"{located.span[:60]!r} {located.where} is no number" if located else "nothing to read"
        return Judgement("no_answer", None, f"{place} under {rule}, gold {gold}", 0.0)
    right = any(numbers_equal(number, each) for each in golds)
    where = located.where if located else ""
    return _judgement(right, format_number(number), f"read {format_number(number)} {where}, gold {gold}", float(right))


def _golds(problem: Problem, rule: str) -> list[Fraction]:
    if rule == "paper_2402":
        read = [published_gold(problem.solution if "####" in problem.solution else problem.gold_answer)]
    else:
        read = [parse_number(gold) for gold in (problem.gold_answer, *problem.gold_aliases)]
    golds = [number for number in read if number is not None]
    if not golds:
        raise ValueError(f"{problem.problem_id}: the gold answer {problem.gold_answer!r} is no number")
    return golds


def _judgement(right: bool, extracted: str, explanation: str, score: float) -> Judgement:
    return Judgement("correct" if right else "incorrect", extracted, explanation, score)


def _judge_text(span: str, where: str, problem: Problem) -> Judgement:
    right = normalised_match(span, (problem.gold_answer, *problem.gold_aliases))
    return _judgement(right, span, f"read {span[:80]!r} {where}, gold {problem.gold_answer!r}", float(right))


def _judge_spans(span: str, where: str, problem: Problem) -> Judgement:
    exact, f1 = drop_scores(span, (problem.gold_answer, *problem.gold_aliases))
    explanation = f"read {span[:80]!r} {where}, gold {problem.gold_answer!r}, F1 {f1:.2f}"
    return _judgement(exact == 1.0, span, explanation, f1)


def _judge_yes_no(span: str, where: str, problem: Problem) -> Judgement:
    said = yes_no(span)
    if said is None:
        explanation = f"{span[:60]!r} {where} is neither yes nor no, gold {problem.gold_answer}"
        return Judgement("no_answer", None, explanation, 0.0)
    extracted, right = "yes" if said else "no", said == yes_no(problem.gold_answer)
    return _judgement(right, extracted, f"read {extracted} {where}, gold {problem.gold_answer}", float(right))


_WORDS: dict[AnswerKind, Callable[[str, str, Problem], Judgement]] = {
    "text": _judge_text,
    "spans": _judge_spans,
    "yes_no": _judge_yes_no,
}
