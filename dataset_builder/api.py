"""Python use in a few lines: any model behind an endpoint decomposes a problem, another answers it.

    from dataset_builder import decompose, solve

    problem = "Ann has 3 pens and buys 2. How many pens does Ann have?"
    asked = decompose(problem, "gpt-4o-mini")
    solution = solve(problem, asked.sub_questions, model="gpt-4o-mini", gold="5")
    solution.answer, solution.verdict, solution.usage.cost_usd       # ("5", "correct", 0.0001)

The key is read from OPENAI_API_KEY. Nothing is written unless a `journal` is named: then a request that it holds is
not asked again; `make_dataset` asks about many problems and keeps all of it. For many problems
at once: `solving.solve_problems`, or `eval_harness.score`.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from dataset_builder.answers import DEFAULT_RULE, RULES
from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.core.config import build_config
from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_jsonl
from dataset_builder.core.values import nearest
from dataset_builder.generate.config import GenerateConfig, check_config, make_plan
from dataset_builder.generate.run import generate
from dataset_builder.generate.run_folder import asked_with, check_folder
from dataset_builder.llm.journal import FILE_NAME
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.prompts import load_prompt
from dataset_builder.schema.records import Failure, Split
from dataset_builder.schema.verdicts import Verdict
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions
from dataset_builder.solving.grading import grade_if_known
from dataset_builder.solving.records import CompletionRequest, Decomposition, Usage
from dataset_builder.solving.solve import answer_problems
from dataset_builder.solving.texts import fill_prompt, given_decomposition, problem_from_text, read_decomposition
from dataset_builder.sources import load_problems
from dataset_builder.sources.embedded import serve_embedded
from dataset_builder.text.parsing import parse_sub_answers

QUIET = ServiceSettings(progress=False)
DECOMPOSE_PROMPT = "decompose.v1"


@dataclass(frozen=True)
class Solution:
    """A solver's answer to one problem."""

    text: str
    """What it wrote."""
    sub_answers: tuple[str, ...]
    """One per sub-question; empty where the text does not hold them."""
    answer: str
    """The final answer as it was read; empty where none was found."""
    verdict: Verdict | Literal[""]
    """correct, incorrect, no_answer, request_failed; empty where no right answer was given."""
    failure: Failure | None
    """Why there is no text."""
    usage: Usage
    """Tokens, dollars and seconds."""


def decompose(
    problem: str,
    model: str,
    *,
    passage: str = "",
    base_url: str = "",
    prompt: str = DECOMPOSE_PROMPT,
    temperature: float = 0.0,
    service: ServiceSettings = QUIET,
    journal: Path | None = None,
) -> Decomposition:
    """The sub-questions that a model behind an endpoint asks about a problem; its `failure` says why there are none.

    Args:
        problem: the word problem.
        model: as the endpoint names it.
        passage: what the problem is about.
        base_url: the endpoint, or micro_gsm; empty: OPENAI_BASE_URL.
        prompt: how it is asked, a file of `dataset_builder/prompts` or a path.
        temperature: 0 is greedy.
        service: limits and the cost cap.
        journal: where the request and its reply are kept; None: nowhere.

    Raises:
        UserError: no key, no such endpoint, or the cost cap is reached.
    """
    asked = problem_from_text(problem, passage=passage)
    text = fill_prompt(load_prompt(prompt), asked)
    with _solver(model, base_url, temperature, service, journal) as solver:
        (reply,) = solver.complete([CompletionRequest(asked.problem_id, "decompose", text)])
    read = Decomposition(failure=reply.failure) if reply.failure else read_decomposition(reply.text)
    return replace(read, usage=reply.usage)


def solve(
    problem: str,
    sub_questions: Sequence[str] = (),
    *,
    model: str,
    gold: str = "",
    passage: str = "",
    base_url: str = "",
    rule: str = DEFAULT_RULE,
    temperature: float = 0.0,
    service: ServiceSettings = QUIET,
    journal: Path | None = None,
) -> Solution:
    """A solver's answer to a problem, with sub-questions or without.

    Args:
        problem: the word problem.
        sub_questions: in their order; none: the bare problem is asked.
        model: the solver, as the endpoint names it.
        gold: the right answer, for a verdict.
        passage: what the problem is about.
        base_url: the endpoint, or micro_gsm; empty: OPENAI_BASE_URL.
        rule: how the final answer is read, one of `dataset_builder.answers.RULES`.
        temperature: 0 is greedy.
        service: limits and the cost cap.
        journal: where the request and its reply are kept; None: nowhere.

    Raises:
        UserError: no key, no such endpoint, no such rule, or the cost cap is reached.
    """
    if rule not in RULES:
        raise UserError(f"no rule {rule!r}{nearest(rule, RULES)}")
    asked = problem_from_text(problem, gold, passage)
    decomposition = given_decomposition(sub_questions) if sub_questions else Decomposition(none_needed=True)
    with _solver(model, base_url, temperature, service, journal) as solver:
        (reply,) = answer_problems(solver, [asked], [decomposition], "none", 0, rule=rule)
    answers = parse_sub_answers(reply.text, len(sub_questions))
    verdict, answer, _ = grade_if_known(asked, decomposition, reply, rule)
    return Solution(
        text=reply.text or "",
        sub_answers=() if isinstance(answers, Failure) else answers,
        answer=answer,
        verdict=verdict,
        failure=reply.failure,
        usage=reply.usage,
    )


def make_dataset(
    problems: str | Path | Sequence[Mapping[str, str]], model: str, output: str | Path, run: str | Path, **options: Any
) -> dict[str, Any]:
    """Asks a teacher about problems and builds a dataset folder of what came; gives the folder's facts.

    Args:
        problems: a source's name, a jsonl file, or rows with `question` and `answer`.
        model: the teacher; it answers and votes, too, unless `solver_model` and `feedback_model` name others.
        output: the dataset folder; one that is there is replaced.
        run: the generation's folder, where every reply is kept: the same call asks nothing twice.
        options: further keys of `python -m dataset_builder.generate`: sets, votes, limit, base_url, max_cost_usd, ...

    Raises:
        UserError: an unknown option, problems that are not there, requests that had to stop.
    """
    known = [field.name for field in dataclasses.fields(GenerateConfig)]
    if unknown := [name for name in options if name not in known]:
        raise UserError(f"make_dataset() has no option {unknown[0]!r}{nearest(unknown[0], known)}")
    with tempfile.TemporaryDirectory() as folder:
        name = str(problems)
        if not isinstance(problems, (str, Path)):
            name = str(Path(folder) / "mine.jsonl")
            write_jsonl(Path(name), [dict(row) for row in problems])
        if isinstance(url := options.get("base_url", []), str):
            options["base_url"] = [url] if url else []
        given = {"progress": False} | options | {"problems": name, "model": model, "output": str(run)}
        config = build_config(GenerateConfig, given)
        check_config(config)
        plan = make_plan(config)
        loaded = load_problems(config.problems, cast(Split, config.split), config.limit)
        check_folder(Path(run), asked_with(plan, name, config.split), other_settings=config.other_settings)
        with serve_embedded(config.base_url) as urls:
            generate(config, plan, loaded, urls)
    return build_dataset(BuildConfig(generation=str(run), output=str(output)))


@contextmanager
def _solver(
    model: str, base_url: str, temperature: float, service: ServiceSettings, journal: Path | None
) -> Iterator[EndpointSolver]:
    with tempfile.TemporaryDirectory() as folder, serve_embedded([base_url]) as urls:
        settings = replace(service, base_urls=tuple(filter(None, urls)) or service.base_urls)
        place = journal or Path(folder) / FILE_NAME
        yield EndpointSolver(model, SolverOptions(settings, place, temperature=temperature))
