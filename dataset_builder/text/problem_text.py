r"""A problem as prompt text: what every prompt's `{problem}` is filled with.

    passage "A beat B.", problem "Who won?"  ->  "A beat B.\n\nWho won?"

The empty line is how the worked examples of the locked prompts write it. What students read is another text
(`student_format`): checkpoints were trained on it and published datasets hold it, so it keeps its single line end.
"""

from __future__ import annotations

import sys

from dataset_builder.schema.records import Problem


def problem_text(problem: Problem) -> str:
    """The passage, where there is one, an empty line, and the problem.

    >>> problem_text(Problem("p", "How many pens?", "3", "made"))
    'How many pens?'
    """
    return f"{problem.passage}\n\n{problem.problem}" if problem.passage else problem.problem


def typed_problem() -> str:
    """A problem from standard input, where an empty line ends it."""
    if sys.stdin.isatty():
        print("problem (an empty line ends it):", file=sys.stderr)
    lines: list[str] = []
    for line in sys.stdin:
        if lines and not line.strip():
            break
        lines.append(line.strip())
    return " ".join(lines).strip()
