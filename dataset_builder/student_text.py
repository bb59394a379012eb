"""What a base-model student reads and writes: the problem, then each sub-question between delimiters.

    prompt       "A robe takes 2 bolts of blue fiber and half that much white fiber. ...\\n"
    completion   " <QUE> How many bolts of white fiber does it take? </QUE> <QUE> How many bolts in total? </QUE>"

The trainer appends the tokenizer's own end-of-text token to the completion; it is no part of this text.
`dataset_builder.parsing.parse_delimited` is the inverse.

Source: arXiv 2402.01812, section 4 (student text). Differences: 1. a real end-of-text token instead of padding id 0.
"""

from __future__ import annotations

from collections.abc import Sequence

QUESTION_START = "<QUE>"
QUESTION_END = "</QUE>"


def format_student_prompt(problem: str, passage: str = "") -> str:
    """The text before the first sub-question.

    >>> format_student_prompt("Ann has 3 pens. How many pens?")
    'Ann has 3 pens. How many pens?\\n'
    """
    return f"{passage.strip()}\n{problem.strip()}\n" if passage else f"{problem.strip()}\n"


def format_student_completion(sub_questions: Sequence[str]) -> str:
    """The sub-questions between delimiters, without the end-of-text token.

    >>> format_student_completion(["How many pens?", "What do they cost?"])
    ' <QUE> How many pens? </QUE> <QUE> What do they cost? </QUE>'
    """
    return "".join(f" {QUESTION_START} {' '.join(question.split())} {QUESTION_END}" for question in sub_questions)
