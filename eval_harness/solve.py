"""One problem through a decomposer and a solver: prints the sub-questions, their answers, the final answer, the cost.

Reads the problem from the command line, or from standard input (an empty line ends it). Nothing is kept unless
`--journal` names a file: then what it holds is not asked again.

    $ python -m eval_harness.solve "Ann has 3 pens and buys 2. How many pens does Ann have?" --gold 5
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_builder.answers import DEFAULT_RULE, RULES
from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.llm.journal import FILE_NAME
from dataset_builder.llm.settings import EndpointOptions, ServiceSettings
from dataset_builder.schema.verdicts import VERDICT_TABLE
from dataset_builder.solving.endpoint import SolverOptions
from dataset_builder.solving.records import Usage
from dataset_builder.solving.texts import problem_from_text
from dataset_builder.sources.embedded import serve_embedded
from dataset_builder.text.problem_text import typed_problem
from eval_harness.pipeline.one_problem import Answered, answer_one
from eval_harness.systems.decomposers import DecomposerOptions, make_decomposer
from eval_harness.systems.solvers import make_solver

EPILOG = """\
examples:
  python -m eval_harness.solve "Ann has 3 pens and buys 2. How many pens does Ann have?" --gold 5 \\
      --decomposer checkpoint:outputs/mistral-7b/bc_lora --solver openai:gpt-4o-mini
  python -m eval_harness.solve "Ann has ..." --decomposer api:qwen2.5:7b --solver openai:qwen2.5:7b \\
      --base_url http://127.0.0.1:11434/v1
  python -m eval_harness.solve "Ana has 12 apples and buys 5 more. How many apples does Ana have?" \\
      --decomposer api:micro-gsm-teacher --solver openai:micro-gsm-solver --base_url micro_gsm

Decomposers and solvers are those of `python -m eval_harness.run`. The key is read from OPENAI_API_KEY."""


@dataclass(frozen=True)
class SolveConfig(EndpointOptions):
    """One problem, one pair."""

    problem: str = option("", "the word problem; empty: typed on standard input", positional=True)
    passage: str = option("", "a passage the problem is about")
    gold: str = option("", "the right answer, for a verdict")
    decomposer: str = option("none", "who asks: checkpoint:PATH api:MODEL none direct cot_few_shot ...")
    solver: str = option("openai:gpt-4o-mini", "who answers: openai:MODEL transformers:PATH ...")
    base_url: str = option("", "endpoint of the solver, or micro_gsm; empty: OPENAI_BASE_URL")
    decomposer_base_url: str = option("", "endpoint of the decomposer; empty: that of the solver")
    rule: str = option(DEFAULT_RULE, "how the final answer is read", RULES)
    max_new_tokens: int = option(500, "the solver's limit", least=1)
    four_bit: bool = option(False, "load a checkpoint in 4 bit")
    journal: str = option("", "where requests and replies are kept; empty: nowhere", writes="file")


def solve(config: SolveConfig, text: str) -> Answered:
    """What the pair makes of the problem.

    Raises:
        UserError: a system of no known kind or that is not there, an endpoint that refuses.
    """
    problem = problem_from_text(text, config.gold, config.passage.strip())
    urls = [config.base_url, config.decomposer_base_url or config.base_url]
    with tempfile.TemporaryDirectory() as folder, serve_embedded(urls) as (solver_url, decomposer_url):
        journal = Path(config.journal or Path(folder) / FILE_NAME)
        asking, answering = (
            replace(ServiceSettings.of(config, [url]), progress=False) for url in (decomposer_url, solver_url)
        )
        decomposer = make_decomposer(
            config.decomposer,
            DecomposerOptions(
                asking, journal, reasoning_effort=config.reasoning_effort, four_bit=config.four_bit, batch_size=1
            ),
        )
        options = SolverOptions(
            answering, journal, max_new_tokens=config.max_new_tokens, reasoning_effort=config.reasoning_effort
        )
        solver = make_solver(config.solver, options, [problem])
        return answer_one(problem, config.decomposer, decomposer, solver, config.rule)


def told(answered: Answered) -> Iterator[str]:
    """The lines for the person who asked.

    Raises:
        UserError: there are no sub-questions or no reply; what it took is told first.
    """
    decomposition, reply = answered.prediction.decomposition, answered.prediction.reply
    answers = answered.sub_answers or ("",) * len(decomposition.sub_questions)
    for number, (question, answer) in enumerate(zip(decomposition.sub_questions, answers, strict=True), start=1):
        yield f"Q{number}: {question}"
        yield from [f"A{number}: {answer}"] if answer else []
    if reply.text and not answered.sub_answers:
        yield reply.text.strip()
    if not answered.prediction.failure:
        verdict = f" ({VERDICT_TABLE[answered.verdict].label})" if answered.verdict else ""
        yield f"final answer: {answered.final_answer or 'none'}{verdict}"
    yield f"decompose: {_spent(decomposition.usage)}; solve: {_spent(reply.usage)}"
    yield f"together: {_spent(decomposition.usage + reply.usage)}"
    if failure := answered.prediction.failure:
        raise UserError(f"no answer ({failure.kind.removeprefix('parse:')}): {failure.detail}")


def _spent(usage: Usage) -> str:
    if usage.cost_usd is None:
        cost = "price not known (--price_input, --price_output)"
    else:
        cost = f"${usage.cost_usd:.6f}" if usage.cost_usd else "no cost"
    return f"{usage.prompt_tokens + usage.completion_tokens:,} tokens, {cost}, {usage.seconds:.1f} s"


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    """`python -m eval_harness.solve`."""
    config = parse_config(
        SolveConfig,
        argv,
        prog="python -m eval_harness.solve",
        description="Solve one problem by a decomposer and a solver; print sub-questions, answers, tokens and cost.",
        epilog=EPILOG,
    )
    text = " ".join(config.problem.split()) or typed_problem()
    if not text:
        raise UserError('give a problem: python -m eval_harness.solve "Ann has 3 pens ..."')
    for line in told(solve(config, text)):
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
