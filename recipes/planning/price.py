"""What a run would ask a solver and pay, before anything is sent; and what its last session in that folder did.

    asks     at most 38,400 times: 300 updates of 128 samples; equal sets of a problem are asked once
    costs    about $1.84, at most $9.12 (price: genai-prices 0.0.30); --solver_max_cost_usd makes it a limit
    so far   12,031 replies in outputs/.../solver.sqlite, $0.55

The upper bound takes every sample for a different set of the longest prompt, every byte of it for a token and every
reply for the longest allowed. The estimate takes the recorded sets, four characters a token, and the usual reply, or
what the journal has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataset_builder.generate.estimate import USUAL_REPLY_TOKENS, mean_reply_tokens, prices_before_start
from dataset_builder.llm.journal import Journal, Totals, cost_of
from dataset_builder.llm.pricing import estimated_prompt_tokens, most_tokens
from dataset_builder.llm.request import Request
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.solving.completions import to_request
from dataset_builder.solving.endpoint import SolverOptions
from dataset_builder.solving.texts import answer_request
from recipes.config.recipe import RecipeConfig, rewards_of
from recipes.config.sampling import rewarded_rows
from recipes.config.solver import answers_here
from recipes.data.load import TrainingData
from recipes.methods.online.problems import problems_of
from recipes.training.solver import JOURNAL

LOOKED_AT = 200
"""Problems whose recorded sets the estimate is made of."""


def price_text(config: RecipeConfig, data: TrainingData) -> str:
    """What `--dry_run` says of a run's rewards; empty for a method that asks nobody.

    Raises:
        UserError: one of the two prices is missing.
    """
    if (rewards := rewards_of(config)) is None:
        return ""
    samples = rewarded_rows(config)
    votes = samples * rewards.votes if rewards.vote_weight else 0
    asked = f"{samples + votes:,} times: {config.max_steps:,} updates of {samples // config.max_steps:,} samples"
    asked += f", {rewards.votes} votes each" if votes else ""
    lines = [f"asks     at most {asked}; equal sets of a problem are asked once"]
    asks = [("answer", config.solver, samples), ("feedback", rewards.feedback_model, votes)]
    paid = [(task, spec.partition(":")[2], count) for task, spec, count in asks if count and not answers_here(spec)]
    if not paid:
        return "\n".join([*lines, "costs    nothing: the solver is in this process", ""])
    problems = zip(problems_of(data)[:LOOKED_AT], data.train["sub_questions"], strict=False)
    options = SolverOptions(ServiceSettings.of(config, [config.solver_base_url], prefix="solver_"), Path())
    requests = [to_request(answer_request(*pair), "", options.decoding) for pair in problems]
    before = _journalled(config.output)
    lines.append(_costs(options.settings, requests, paid, before))
    if before:
        cost, replies = cost_of(before), sum(row.requests for row in before)
        told = "at an unknown price" if cost is None else f"${cost:.4f}"
        lines.append(f"so far   {replies:,} replies in {config.output / JOURNAL}, {told}")
    return "\n".join([*lines, ""])


def _costs(
    settings: ServiceSettings,
    requests: Sequence[Request],
    paid: Sequence[tuple[str, str, int]],
    before: Sequence[Totals],
) -> str:
    """The line that says it; `paid` holds task, model and how often it is asked."""
    prices = prices_before_start(settings)
    reply_tokens = USUAL_REPLY_TOKENS | mean_reply_tokens(before)
    prompt_tokens = sum(map(estimated_prompt_tokens, requests)) / len(requests)
    about = most = 0.0
    for task, model, count in paid:
        if (price := prices.price(model)) is None:
            return f"costs    unknown: no price of {model}; give {settings.price_flags}"
        about += count * price.cost(prompt_tokens, reply_tokens[task])
        most += count * max(price.cost(*most_tokens(request)) for request in requests)
    sources = ", ".join(dict.fromkeys(prices.source(model) for _, model, _ in paid))
    limit = f"{settings.flag('max_cost_usd')} makes it a limit"
    return f"costs    about ${about:,.2f}, at most ${most:,.2f} (price: {sources}); {limit}"


def _journalled(folder: Path) -> list[Totals]:
    if not (folder / JOURNAL).is_file():
        return []
    with Journal(folder / JOURNAL, read_only=True) as journal:
        return [row for row in journal.totals() if row.outcome == "answered"]
