"""The one function behind the reward `answer_correctness` and every test score.

Reads a solver's text and a problem; gives a `Grade`:

    Grade(verdict="correct", extracted="18", explanation='read 18 after "Final answer:", gold 18', score=1.0)

It says `correct`, `incorrect` or `no_answer`. The other verdicts are about texts that never got here: who asked for
the text says `request_failed`, who could not read the sub-questions says `parse_failure` (`solving.grading`).
When an answer is right depends on its kind: see `answers.kinds`.
"""

from __future__ import annotations

from dataset_builder.answers.kinds import kind_named
from dataset_builder.answers.kinds.kind import Grade
from dataset_builder.schema.records import Problem


def grade_answer(answers_text: str | None, problem: Problem, rule: str) -> Grade:
    """Whether a solver's text answers `problem`, read under `rule` (see `dataset_builder.answers`).

    >>> grade_answer("Final answer: 18", Problem("p", "How many?", "18", "made"), "first_marker").explanation
    'read 18 after "Final answer:", gold 18'

    Raises:
        ValueError: there is no such rule, or a number problem has a gold answer that is no number.
        UserError: there is no such kind of answer.
    """
    return kind_named(problem.answer_kind).grade(answers_text, problem, rule)
