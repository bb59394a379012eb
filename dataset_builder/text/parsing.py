r"""Reads what models write (sub-questions, sub-answers, votes) or says why it cannot be read; never guesses.

Reads a text; gives a tuple, or a `Failure(stage, kind, detail)`:

    "Q1: How many pens?\nQ2: What do they cost?"  ->  ("How many pens?", "What do they cost?")
    "Q1: How many pens?\nQ3: What do they cost?"  ->  Failure("decompose", "numbering_gap", "Q3 follows Q1")

A reply is read without its reasoning, end marks and fences (`replies`), an item without its emphasis (`decoration`).
Labels are read as models write them: "Q1:", "Q1)", "Q1：", "**Q1:**", "1.", "(1)", "Question 1:", "- Q1:", and the
doubled "Q1: Q1: ..." of the published files. A line without a label goes on with the item right above it; text before
the first label, and behind an empty line up to the next label, is chatter and is dropped.
`tests/cases/parsing_cases.json` shows every line of this at work.

Kinds of failure: empty | no_questions | no_answers | no_votes | blank_item | numbering_gap | too_few | too_many |
unclear_vote | truncated | stray_text | holds_answers | placeholder. One vote that cannot be read is None;
`unclear_vote` means that none can.

Source: arXiv 2402.01812, section 3 (line forms) and section 4 (delimiters).
Differences: 1. a vote is the word after the label, so that "not" or "know" is no "no".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from dataset_builder.schema.records import Failure
from dataset_builder.text.decoration import flaw_of_question, undecorated
from dataset_builder.text.replies import read_reply
from dataset_builder.text.student_format import QUESTION_END, QUESTION_START

# A base model that has answered goes on to invent another problem; these cut it there. Part of the scoring contract.
# They count at the start of a line alone: prose may say "the Problem:", and a reply may begin with what it is about.
STOP_STRINGS = ("\nProblem:", "\nQuestion:", "\nQ:", "\nSub-questions:")


def parse_sub_questions(text: str | None) -> tuple[str, ...] | Failure:
    """The sub-questions of "Q1: ..." lines, without their labels.

    >>> parse_sub_questions("Here they are:\\n**Q1:** How many pens?\\nQ2) What do they cost?")
    ('How many pens?', 'What do they cost?')
    >>> parse_sub_questions("I cannot help.").kind
    'no_questions'
    """
    items = _labelled_items(text, _QUESTIONS)
    if isinstance(items, Failure):
        return items
    return next(filter(None, map(flaw_of_question, items)), None) or tuple(items)


def parse_sub_answers(text: str | None, count: int) -> tuple[str, ...] | Failure:
    """The sub-answers of "A1: ..." lines before the final answer; as many as there are sub-questions.

    >>> parse_sub_answers("A1: 3 pens\\nA2: 3*2=6 dollars\\n\\nFinal answer: 6", 2)
    ('3 pens', '3*2=6 dollars')
    """
    before = _FINAL_ANSWER.split(_unix(text), maxsplit=1)[0] if text else text
    if read_reply(text).text.strip() and not (before or "").strip():
        return Failure("answer", "no_answers", "nothing stands before the final answer")
    items = _labelled_items(before, _ANSWERS)
    return items if isinstance(items, Failure) else _counted(items, count, "answer", "sub-answers")


def parse_votes(text: str | None, count: int) -> tuple[bool | None, ...] | Failure:
    """The votes of "Q1: Yes" lines, one per sub-question; a line that says neither or both is None.

    >>> parse_votes("Q1: Yes\\nQ2: No, it is not needed.\\nQ3: I do not know", 3)
    (True, False, None)
    """
    items = _labelled_items(text, _VOTES)
    if isinstance(items, Failure):
        return items
    counted = _counted(items, count, "feedback", "votes")
    if isinstance(counted, Failure):
        return counted
    votes = tuple(_vote(item) for item in counted)
    if votes and all(vote is None for vote in votes):
        return Failure("feedback", "unclear_vote", f"no vote says yes or no, the first is {_short(counted[0])}")
    return votes


def parse_delimited(text: str | None) -> tuple[str, ...] | Failure:
    """The sub-questions between a student's delimiters: the inverse of `student_format.format_student_completion`.

    An unfinished last sub-question is `truncated`, unless whole ones stand before it: then they are the answer of a
    student that ran out of tokens while repeating itself, and the rest is dropped.

    >>> parse_delimited(" <QUE> How many pens? </QUE> <QUE> What do they cost? </QUE>")
    ('How many pens?', 'What do they cost?')
    """
    text = read_reply(text).text
    if not text.strip():
        return Failure("decompose", "empty", "the completion holds no text")
    before, *pieces = text.split(QUESTION_START)
    if not pieces:
        return Failure("decompose", "no_questions", f"no {QUESTION_START} in {_short(text)}")
    if before.strip():
        return Failure("decompose", "stray_text", f"text before the first {QUESTION_START}: {_short(before)}")
    questions: list[str] = []
    for piece in pieces:
        question, closed, after = piece.partition(QUESTION_END)
        if not closed:
            break
        if not question.strip():
            return Failure("decompose", "blank_item", f"sub-question {len(questions) + 1} is blank")
        questions.append(" ".join(question.split()))
        if after.strip():
            break  # the student left its format; what it wrote before stands
    if not questions:
        return Failure("decompose", "truncated", f"no sub-question is closed by {QUESTION_END}")
    return tuple(questions)


def readable_sub_questions(text: str | None) -> tuple[str, ...]:
    """The sub-questions of `parse_delimited`, and none where it cannot read the text.

    >>> readable_sub_questions("First, find how many pens there are.")
    ()
    """
    parsed = parse_delimited(text)
    return () if isinstance(parsed, Failure) else parsed


def format_sub_questions(questions: Sequence[str]) -> str:
    """The sub-questions as a solver reads them.

    >>> format_sub_questions(["How many pens?", "What do they cost?"])
    'Q1: How many pens?\\nQ2: What do they cost?'
    """
    return "\n".join(f"Q{number}: {' '.join(question.split())}" for number, question in enumerate(questions, start=1))


def cut_at_stop(text: str, stops: Sequence[str] = STOP_STRINGS) -> tuple[str, bool]:
    """The text up to the first stop string that begins a line below something said, and whether one was there.

    >>> cut_at_stop("Final answer: 5\\n\\nProblem: A farmer")
    ('Final answer: 5\\n', True)
    >>> cut_at_stop("Question: which? The Problem: 5\\nFinal answer: 5")[1]
    False
    """
    said = len(text) - len(text.lstrip())
    starts = [index for stop in stops if stop.strip("\n") and (index := text.find(f"\n{stop.strip()}", said)) >= 0]
    starts += [index for stop in stops if stop == "\n" and (index := text.find(stop, said)) >= 0]
    return (text[: min(starts)], True) if starts else (text, False)


_LEAD = r"^[ \t>*_#`•+-]*"
_OPEN = r"[(\[（【]?[*_`]*"
_CLOSE = r"[*_`]*[ \t]*(?:[:：.．)）\]】、]+|[-–—](?=[ \t]))[*_`]*[ \t]*"
_LISTED = r"^[ \t>#]*(?:[-•+*][ \t]+)?[*_`]*(\d+)(?:[.):][*_`]*[ \t]+|[：．）、][ \t]*)"
_BRACKETED = r"^[ \t>#]*(?:[-•+*][ \t]+)?[*_`]*[(\[（【](\d+)[)\]）】][:：.]?[*_`]*[ \t]*"
_QUESTION_LABEL = re.compile(
    rf"{_LEAD}{_OPEN}(?:(?:sub[- ]?)?question[ \t]*#?|q[ \t]?)(\d+){_CLOSE}|{_LISTED}|{_BRACKETED}", re.I
)
_ANSWER_LABEL = re.compile(
    rf"{_LEAD}{_OPEN}(?:(?:sub[- ]?)?answer[ \t]*#?|a[ \t]?)(\d+){_CLOSE}|{_LISTED}|{_BRACKETED}", re.I
)
_FINAL_ANSWER = re.compile(r"^[ \t*_#]*final answer\b", re.I | re.M)
_YES_NO = re.compile(r"\b(yes|no)\b", re.I)


def _unix(text: str | None) -> str:
    return read_reply(text).text.replace("\r\n", "\n").replace("\r", "\n")


def _short(text: str) -> str:
    shown = " ".join(text.split())
    return repr(shown if len(shown) <= 60 else f"{shown[:57]}...")


class _Labels(NamedTuple):
    """How the lines of one stage's reply are labelled, and what their absence is called."""

    stage: str
    label: re.Pattern[str]
    letter: str
    missing: str


_QUESTIONS = _Labels("decompose", _QUESTION_LABEL, "Q", "no_questions")
_ANSWERS = _Labels("answer", _ANSWER_LABEL, "A", "no_answers")
_VOTES = _Labels("feedback", _QUESTION_LABEL, "Q", "no_votes")


def _labelled_items(text: str | None, labels: _Labels) -> list[str] | Failure:
    """The texts behind the labels 1, 2, 3, ... in their order."""
    stage, label, letter, missing = labels
    text = _unix(text)
    if not text.strip():
        return Failure(stage, "empty", "there is no text")
    items: list[str] = []
    gap = lettered = False
    for line in text.split("\n"):
        match = label.match(line)
        lettered = lettered or bool(match and match[1])
        if match is None or (match[3] and lettered):  # "(1)" below a "Q1:" is part of its item
            gap = gap or not line.strip()
            if items and line.strip() and not gap:
                items[-1] = f"{items[-1]} {line.strip()}".strip()
            continue
        number, gap = int((match[1] or match[2] or match[3])[:9]), False
        if number != len(items) + 1:
            return Failure(stage, "numbering_gap", f"{letter}{number} follows {letter}{len(items)}")
        items.append(_bare(line[match.end() :], label))
    if not items:
        return Failure(stage, missing, f"no {letter}1 in {_short(text)}")
    items = [undecorated(item) for item in items]
    blank = next((number for number, item in enumerate(items, start=1) if not item), None)
    if blank is None:
        return items
    kind = "truncated" if blank == len(items) else "blank_item"
    return Failure(stage, kind, f"{letter}{blank} is blank")


def _bare(item: str, label: re.Pattern[str]) -> str:
    """An item without a doubled label ("Q1: Q1: ...")."""
    if again := label.match(item):
        item = item[again.end() :] if again[1] else item
    return item.strip()


def _counted(items: list[str], count: int, stage: str, what: str) -> tuple[str, ...] | Failure:
    if len(items) != count:
        kind = "too_few" if len(items) < count else "too_many"
        return Failure(stage, kind, f"{len(items)} {what} for {count} sub-questions")
    return tuple(items)


def _vote(item: str) -> bool | None:
    """The first word decides when it is yes or no; else the only one of the two that stands anywhere."""
    said = [word.lower() for word in _YES_NO.findall(item)]
    words = item.lower().split(maxsplit=1)
    first = words[0].strip(".,;:!*_\"'()`-") if words else ""
    if first in ("yes", "no"):
        return first == "yes"
    return said[0] == "yes" if len(set(said)) == 1 else None
