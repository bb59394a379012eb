"""What students read and write: the decomposer's text, and the solver's.

    decomposer   prompt       "A robe takes 2 bolts of blue fiber and half that much white fiber. ...\\n"
                 completion   " <QUE> How many bolts of white fiber? </QUE> <QUE> How many bolts in total? </QUE>"
    solver       prompt       "A robe takes 2 bolts ...\\n\\nQ1: How much white fiber?\\nQ2: How many?\\n\\nAnswers:"
                 completion   "\\nA1: 2/2=1 bolt\\nA2: 2+1=3 bolts\\n\\nFinal answer: 3"

The trainer appends the tokenizer's own end-of-text token to the completion; it is no part of this text.
`text.parsing.parse_delimited` is the decomposer text's inverse. The solver's completion is in the form that
the answer prompt asks the teacher for, so one parser and one answer rule read both.

Source: arXiv 2402.01812, section 4 (decomposer); arXiv 2402.15000, section 3 (student solvers S_E-T and S_E-A).
Differences: 1. a real end-of-text token instead of padding id 0.
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


def format_solver_prompt(problem: str, sub_questions: Sequence[str], passage: str = "") -> str:
    """The text before the first sub-answer.

    >>> format_solver_prompt("Ann has 3 pens and buys 2.", ["How many pens?"])
    'Ann has 3 pens and buys 2.\\n\\nQ1: How many pens?\\n\\nAnswers:'
    """
    return f"{format_student_prompt(problem, passage)}\n{_numbered('Q', sub_questions)}\nAnswers:"


def problem_of_prompt(prompt: str) -> str:
    """The problem (and passage) that a decomposer's or a solver's prompt asks about.

    >>> problem_of_prompt(format_solver_prompt("Ann has 3 pens and buys 2.", ["How many pens?"]))
    'Ann has 3 pens and buys 2.'
    """
    asked = prompt.removesuffix("\nAnswers:")
    if asked != prompt:
        asked = asked.rpartition("\n\nQ1: ")[0] or asked
    return asked.strip()


def format_solver_completion(sub_answers: Sequence[str], final_answer: str) -> str:
    """The sub-answers and the final answer, without the end-of-text token.

    >>> format_solver_completion(["3+2=5 pens."], "5")
    '\\nA1: 3+2=5 pens.\\n\\nFinal answer: 5'
    """
    return f"\n{_numbered('A', sub_answers)}\nFinal answer: {final_answer}"


def _numbered(letter: str, texts: Sequence[str]) -> str:
    return "".join(f"{letter}{number}: {' '.join(text.split())}\n" for number, text in enumerate(texts, start=1))
