"""A solver's accuracy on sub-questions, from whatever command the user names; see `solver` for what needs none.

    command_accuracy("python my_solver.py {questions}", ids, prompts, texts, path)  ->  0.6

Writes what the command reads, one line per problem; an unreadable completion has no sub-questions:

    {"problem_id": "gsm8k-train-00007", "prompt": "Ana has 3 pens. ...\\n", "sub_questions": ["How many ...?"]}
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_jsonl
from dataset_builder.text.parsing import readable_sub_questions


def command_accuracy(
    command: str, ids: Sequence[str], prompts: Sequence[str], texts: Sequence[str], path: Path
) -> float:
    """The number in the last line that the command prints.

    Args:
        command: with {questions} where the file's name belongs; run without a shell.
        ids: problem ids.
        prompts: what the student read.
        texts: what it wrote.
        path: where the file for the command goes.

    Raises:
        UserError: the command fails, or prints no number.
    """
    lines = [
        {"problem_id": one, "prompt": prompt, "sub_questions": readable_sub_questions(text)}
        for one, prompt, text in zip(ids, prompts, texts, strict=True)
    ]
    write_jsonl(path, lines)
    words = [word.replace("{questions}", str(path)) for word in shlex.split(command)]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
        return float(done.stdout.strip().splitlines()[-1])
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"the solver command failed ({error}); run it by hand on {path}") from error
    except (ValueError, IndexError) as error:
        raise UserError(f"the solver command printed no number in its last line ({error}): {words[0]} ...") from error
