"""What a generation will ask and cost, before anything is sent.

Reads the problems and, where the run has one, its journal: what is answered already costs nothing, and the journal's
own usage replaces the rules of thumb. Without it, a prompt has a token per four characters, and the replies are as
long as a teacher's are on grade-school problems (four sub-questions).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.generate.stages import Plan, sub_questions_of_reply
from dataset_builder.llm.journal import FILE_NAME, Journal, Totals
from dataset_builder.llm.openai_chat.address import resolve_base_urls
from dataset_builder.llm.pricing import PriceList, estimated_prompt_tokens, price_list
from dataset_builder.llm.request import Request
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Failure, Problem
from dataset_builder.sources.embedded import SERVERS

USUAL_REPLY_TOKENS = {"decompose": 70, "answer": 150, "feedback": 25}
USUAL_QUESTIONS = ("How many of them are there after the first step of the problem?",) * 4


@dataclass
class StageEstimate:
    """One stage's remaining work."""

    task: str
    """decompose | answer | feedback."""
    model: str
    """Who is asked."""
    requests: int = 0
    """Still to be sent."""
    answered: int = 0
    """In the journal already."""
    prompt_tokens: float = 0.0
    """Of the requests."""
    completion_tokens: float = 0.0
    """Of their replies."""
    cost_usd: float | None = None
    """None where the model's price is unknown."""
    price_source: str = ""
    """Where that is from; empty where it is unknown."""

    def line(self) -> str:
        """The row of a table."""
        counts = (
            f"{self.requests:>10,}{self.answered:>10,}{self.prompt_tokens:>16,.0f}{self.completion_tokens:>15,.0f}"
        )
        dollars = "unknown" if self.cost_usd is None else f"{self.cost_usd:,.2f}"
        return f"{self.task:<11}{counts}{dollars:>12}  {self.model}".rstrip()


def estimate_stages(
    plan: Plan, problems: Sequence[Problem], folder: Path, settings: ServiceSettings, *, batch: bool = False
) -> list[StageEstimate]:
    """Requests, tokens and cost per stage that this run has still to make.

    Args:
        plan: what is asked for every problem.
        problems: all of them.
        folder: the run's folder, whose journal says what is answered and how long replies are.
        settings: endpoints and prices.
        batch: whether the Batch API's discount holds.
    """
    prices = prices_before_start(settings, batch=batch)
    estimates = {stage.task: StageEstimate(stage.task, stage.model) for stage in plan.stages}
    with contextlib.ExitStack() as stack:
        journal = None
        if (folder / FILE_NAME).is_file():
            journal = stack.enter_context(Journal(folder / FILE_NAME, read_only=True))
        replies = mean_reply_tokens(journal.totals() if journal else ())
        factors = _billed_to_estimated(journal) if journal else 1.0
        for request in _requests(plan, problems, journal):
            estimate = estimates[request.task]
            if journal is not None and journal.settled(request.key, settings.retry_failed) is not None:
                estimate.answered += 1
                continue
            estimate.requests += 1
            estimate.prompt_tokens += estimated_prompt_tokens(request) * factors
            estimate.completion_tokens += replies.get(request.task, USUAL_REPLY_TOKENS[request.task])
    for estimate in estimates.values():
        estimate.price_source = prices.source(estimate.model)
        if price := prices.price(estimate.model):
            estimate.cost_usd = price.cost(estimate.prompt_tokens, estimate.completion_tokens)
    return list(estimates.values())


def format_estimate(estimates: Sequence[StageEstimate]) -> str:
    """The table that `--dry_run` prints."""
    costs = [row.cost_usd for row in estimates if row.cost_usd is not None]
    total = StageEstimate(
        "all",
        "",
        requests=sum(row.requests for row in estimates),
        answered=sum(row.answered for row in estimates),
        prompt_tokens=sum(row.prompt_tokens for row in estimates),
        completion_tokens=sum(row.completion_tokens for row in estimates),
        cost_usd=sum(costs) if len(costs) == len(estimates) else None,
    )
    head = f"{'stage':<11}{'to ask':>10}{'answered':>10}{'prompt tokens':>16}{'reply tokens':>15}{'USD':>12}  model"
    end = "An estimate; nothing was sent. --max_cost_usd makes it a limit."
    return "\n".join([head, *(row.line() for row in estimates), total.line(), *_price_lines(estimates), end])


def _price_lines(estimates: Sequence[StageEstimate]) -> list[str]:
    """Where each model's price is from; only the sources that were used are named."""
    sources = {row.model: row.price_source for row in estimates}
    return [
        f"price of {model}: {source}"
        if source
        else f"price of {model}: unknown; name it with --price_input and --price_output, USD per million tokens"
        for model, source in sources.items()
    ]


def _requests(plan: Plan, problems: Sequence[Problem], journal: Journal | None) -> Iterator[Request]:
    """All requests of a run; those that follow sub-questions nobody has seen yet are of the usual length."""
    for problem, set_index in itertools.product(problems, range(plan.sets)):
        first = plan.questions_request(problem, set_index)
        reply = journal.get(first.key) if journal else None
        questions = sub_questions_of_reply(reply) if reply else USUAL_QUESTIONS
        yield first
        if not isinstance(questions, Failure):
            yield from plan.follow_ups(problem, set_index, questions)


def prices_before_start(settings: ServiceSettings, *, batch: bool = False) -> PriceList:
    """The prices of a run that has not begun: an embedded world's server, not up yet, will be on this machine.

    Raises:
        UserError: one of the two prices is missing, or the price file is unreadable.
    """
    local = any(url in SERVERS for url in settings.base_urls)
    flag = settings.flag("base_url")
    urls = ["http://127.0.0.1"] if local else resolve_base_urls(settings.base_urls, flag=flag)
    return price_list(settings, urls, batch=batch)


def mean_reply_tokens(totals: Iterable[Totals]) -> dict[str, float]:
    """By task: the mean length of the replies that a journal holds, where it is told."""
    return {
        row.task: row.completion_tokens / row.requests
        for row in totals
        if row.outcome == "answered" and row.completion_tokens
    }


def _billed_to_estimated(journal: Journal) -> float:
    """Billed prompt tokens per estimated one, of the first replies."""
    billed = estimated = 0
    for count, response in enumerate(journal.responses()):
        if response.ok and response.prompt_tokens:
            billed += response.prompt_tokens
            estimated += estimated_prompt_tokens(response.request)
        if count >= 500:
            break
    return billed / estimated if estimated else 1.0
