"""What a student *solver* reads and writes: the problem with its sub-questions, then the answers one by one.

    prompt       "A robe takes 2 bolts ...\\n\\nQ1: How much white fiber?\\nQ2: How many in total?\\n\\nAnswers:"
    completion   "\\nA1: 2/2=1 bolt\\nA2: 2+1=3 bolts\\n\\nFinal answer: 3"

The completion is in the form that the answer prompt asks the teacher for, so one parser and one answer rule read both.
Source: arXiv 2402.15000, section 3 (student solvers S_E-T and S_E-A).
"""

from __future__ import annotations

from collections.abc import Sequence

from dataset_builder.student_text import format_student_prompt


def format_solver_prompt(problem: str, sub_questions: Sequence[str], passage: str = "") -> str:
    """The text before the first sub-answer.

    >>> format_solver_prompt("Ann has 3 pens and buys 2.", ["How many pens?"])
    'Ann has 3 pens and buys 2.\\n\\nQ1: How many pens?\\n\\nAnswers:'
    """
    return f"{format_student_prompt(problem, passage)}\n{_numbered('Q', sub_questions)}\nAnswers:"


def format_solver_completion(sub_answers: Sequence[str], final_answer: str) -> str:
    """The sub-answers and the final answer, without the end-of-text token.

    >>> format_solver_completion(["3+2=5 pens."], "5")
    '\\nA1: 3+2=5 pens.\\n\\nFinal answer: 5'
    """
    return f"\n{_numbered('A', sub_answers)}\nFinal answer: {final_answer}"


def _numbered(letter: str, texts: Sequence[str]) -> str:
    return "".join(f"{letter}{number}: {' '.join(text.split())}\n" for number, text in enumerate(texts, start=1))
