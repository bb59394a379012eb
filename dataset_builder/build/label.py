"""Turns a set of texts into a set of labels: parsed sub-questions, a graded final answer, votes and usefulness.

Reads one `RawSet`, gives one `LabelledSet`; pure functions that touch neither disk nor network. A part that cannot be
read becomes a `Failure` in the record, never a guess:

    questions "Q1: How many pens?"  answers "A1: 2+1=3\\n\\nFinal answer: 3"  feedback ["Q1: Yes", "Q1: No", "yes"]
    -> sub_questions ("How many pens?",), verdict "correct", votes ((True, False, None),), usefulness (0.5,),
       failures (Failure("feedback", ...),)

Source: arXiv 2402.01812, section 3 (answer correctness, usefulness). Differences: 1. votes are read, not searched for
the letters "no"; 2. an unreadable vote is no vote instead of a yes; 3. the gold answer is the benchmark's own.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataset_builder.answers import DEFAULT_RULE
from dataset_builder.schema.records import Failure, LabelledSet, RawSet
from dataset_builder.solving.grading import grade_reply
from dataset_builder.solving.records import Decomposition, Reply
from dataset_builder.solving.votes import share_of_yes
from dataset_builder.text.parsing import parse_sub_answers, parse_sub_questions, parse_votes


def sub_questions_of_set(raw: RawSet) -> tuple[str, ...] | Failure:
    """The set's sub-questions, or why there are none to read."""
    if raw.questions_text is None:
        reasons = [failure for failure in raw.failures if failure.stage == "decompose"]
        return reasons[0] if reasons else Failure("decompose", "missing", "no text was received")
    return parse_sub_questions(raw.questions_text)


def label_set(raw: RawSet, rule: str = DEFAULT_RULE) -> LabelledSet | None:
    """Labels one set; None when its sub-questions cannot be read (`sub_questions_of_set` says why).

    Args:
        raw: the texts as received.
        rule: the answer rule, one of `dataset_builder.answers.RULES`.
    """
    questions = sub_questions_of_set(raw)
    if isinstance(questions, Failure):
        return None
    sub_answers, answer_failures = _read_answers(raw, len(questions))
    votes, vote_failures = _read_votes(raw.feedback_texts, len(questions))
    unanswered = Failure("answer", "missing") if raw.answers_text is None else None
    grade = grade_reply(raw.problem, Decomposition(questions), Reply(raw.answers_text, failure=unanswered), rule)
    return LabelledSet(
        problem=raw.problem,
        set_index=raw.set_index,
        sub_questions=questions,
        sub_answers=sub_answers,
        final_answer=grade.extracted,
        verdict=grade.verdict,
        answer_correctness=None if unanswered else int(grade.verdict == "correct"),
        votes=votes,
        usefulness=tuple(share_of_yes(of_question) for of_question in votes),
        failures=(*raw.failures, *answer_failures, *vote_failures),
        provenance=raw.provenance,
    )


def _read_answers(raw: RawSet, count: int) -> tuple[tuple[str, ...], list[Failure]]:
    if raw.answers_text is None:
        known = any(failure.stage == "answer" for failure in raw.failures)
        return (), [] if known else [Failure("answer", "missing", "no text was received")]
    parsed = parse_sub_answers(raw.answers_text, count)
    return ((), [parsed]) if isinstance(parsed, Failure) else (parsed, [])


def _read_votes(texts: Sequence[str | None], count: int) -> tuple[tuple[tuple[bool | None, ...], ...], list[Failure]]:
    """Votes by sub-question (rows) and feedback sample (columns); () where no feedback was asked for."""
    samples: list[Sequence[bool | None]] = []
    failures = []
    for text in texts:
        parsed = parse_votes(text, count) if text is not None else None
        if isinstance(parsed, Failure):
            failures.append(parsed)
        samples.append(parsed if isinstance(parsed, tuple) else (None,) * count)
    return tuple(zip(*samples, strict=True)), failures
