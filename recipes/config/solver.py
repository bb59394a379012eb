"""Which solver scores a student's sub-questions: the keys that training and the choice of beta share.

--solver openai:gpt-4o-mini                              an endpoint; OPENAI_BASE_URL says which
--solver openai:NAME --solver_base_url http://...        one of your own (vLLM, Ollama, transformers serve)
--solver openai:micro-gsm-solver --solver_base_url micro_gsm
--solver micro_gsm                                       the embedded world's, in this process
--solver transformers:ID_OR_FOLDER                       a model in this process, beside the one that is trained
--solver_command "COMMAND {questions}"                   anything else: its last line is the share of right answers
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from dataset_builder.core.config import like, option
from dataset_builder.core.errors import UserError
from dataset_builder.core.hub_ids import public_name
from dataset_builder.dataset_folder.load import DEFAULT_PATH
from dataset_builder.llm.settings import EndpointOptions

MICRO_GSM = "micro_gsm"
"""The solver of the embedded world, in this process."""
TRANSFORMERS = "transformers"
"""A model in this process, as evaluation names it, too: transformers:ID_OR_FOLDER."""
SOLVER_ROWS = 32
"""Prompts that it decodes at once: its cache of them has to fit beside the one that is trained."""
_run = functools.partial(option, owner="run")
_endpoint = functools.partial(like, EndpointOptions, owner="run")


@dataclass(frozen=True, kw_only=True)
class SolverKeys:
    """The dataset, and who answers what a student asks on its problems."""

    dataset: str = _run(DEFAULT_PATH, "dataset folder or Hub id")
    dataset_revision: str = _run("", "tag or commit of the dataset on the Hub; empty: the newest")
    solver: str = _run(
        "",
        "who answers a student's sub-questions, to choose by or to learn from: openai:MODEL, transformers:PATH (a "
        "folder or Hub id, in this process), or micro_gsm",
    )
    solver_command: str = _run(
        "", "instead of a solver: a command that scores the JSONL file {questions}, its last line a number"
    )
    solver_base_url: str = _run("", "the solver's endpoint, or micro_gsm; empty: OPENAI_BASE_URL")
    solver_max_in_flight: int = _endpoint("max_in_flight")
    solver_max_cost_usd: float | None = _endpoint("max_cost_usd")
    solver_price_input: float | None = _endpoint("price_input")
    solver_price_output: float | None = _endpoint("price_output")


def names_solver(config: SolverKeys) -> bool:
    """Whether a solver or a command is named.

    Raises:
        UserError: both are, or the solver is of a kind that cannot be asked here.
    """
    if config.solver and config.solver_command:
        raise UserError("--solver and --solver_command both say who scores; keep one")
    check_kind("--solver", config.solver)
    return bool(config.solver or config.solver_command)


def check_kind(name: str, spec: str) -> None:
    """Refuses a solver of no known kind; none is named by "".

    Raises:
        UserError: with the kinds.
    """
    kind, _, model = spec.partition(":")
    if spec not in ("", MICRO_GSM) and not (kind in ("openai", TRANSFORMERS) and model):
        raise UserError(
            f"{name} {spec}: expected openai:MODEL, {TRANSFORMERS}:PATH or {MICRO_GSM}; any other server (vllm serve, "
            "Ollama) is openai:MODEL at its --solver_base_url, anything else a --solver_command"
        )


def model_here(spec: str) -> str:
    """The folder or Hub id of a model that answers in this process; "" for every other solver."""
    kind, _, model = spec.partition(":")
    return model if kind == TRANSFORMERS else ""


def answers_here(spec: str) -> bool:
    """Whether a solver answers in this process, so that it costs nothing and waits for nobody."""
    return spec == MICRO_GSM or bool(model_here(spec))


def told_solver(spec: str) -> str:
    """A solver as a record names it that may be published: a model by its name or Hub id, never by a path.

    >>> told_solver("openai:gpt-4o-mini"), told_solver("transformers:/data/solver_full")
    ('gpt-4o-mini', 'transformers:solver_full')
    """
    here = model_here(spec)
    return f"{TRANSFORMERS}:{public_name(here)}" if here else spec.removeprefix("openai:")
