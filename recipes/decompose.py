"""Tries a trained checkpoint on a problem you type: prints its sub-questions.

Reads a checkpoint and a problem, from `--problem` or from standard input (an empty line ends it); writes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.text.problem_text import typed_problem
from recipes.api import load_decomposer

EPILOG = """\
examples:
  python -m recipes.decompose --checkpoint outputs/tiny/bc_full --problem "Ann has 3 pens, buys 4. How many?"
  echo "Ann has 3 pens, buys 4. How many?" | python -m recipes.decompose --checkpoint outputs/tiny/bc_full
"""


@dataclass(frozen=True)
class DecomposeConfig:
    """One question to a checkpoint."""

    checkpoint: str = option("", "checkpoint or adapter folder that recipes.train wrote, or a Hub id")
    problem: str = option("", "the word problem; empty: typed on standard input")
    passage: str = option("", "a passage the problem is about")
    device: str = option("", "cpu, cuda, ...; empty: a GPU if there is one")
    four_bit: bool = option(False, "load the weights in 4 bit")
    max_new_tokens: int = option(200, "a reply that has not ended by then is cut", least=1)


def sub_questions(config: DecomposeConfig, problem: str) -> tuple[str, ...]:
    """What the checkpoint asks about a problem.

    Raises:
        UserError: there is no such checkpoint, it has not finished, it is a solver, or its reply cannot be read.
    """
    decomposer = load_decomposer(
        config.checkpoint, config.device, four_bit=config.four_bit, max_new_tokens=config.max_new_tokens
    )
    asked = decomposer.decompose(problem, config.passage)
    if asked.failure:
        kind, detail = asked.failure.kind.removeprefix("parse:"), asked.failure.detail
        raise UserError(f"the reply holds no readable sub-questions ({kind}: {detail}); it reads {asked.text!r}")
    return asked.sub_questions


@entry_point
def main(argv: Sequence[str] | None = None) -> int:
    config = parse_config(
        DecomposeConfig,
        argv,
        prog="python -m recipes.decompose",
        description="Prints the sub-questions a checkpoint asks about one problem.",
        epilog=EPILOG,
    )
    if not config.checkpoint:
        raise UserError("name the checkpoint: --checkpoint outputs/tiny/bc_full (with make CHECKPOINT=...)")
    problem = config.problem.strip() or typed_problem()
    if not problem:
        raise UserError('give a problem: --problem "Ann has 3 pens ...", or type one')
    for number, question in enumerate(sub_questions(config, problem), start=1):
        print(f"Q{number}: {question}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
