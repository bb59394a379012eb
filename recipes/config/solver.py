"""Which solver scores a student's sub-questions: the keys that training and the choice of beta share.

--solver openai:gpt-4o-mini                              an endpoint; OPENAI_BASE_URL says which
--solver openai:NAME --solver_base_url http://...        one of your own (vLLM, Ollama, transformers serve)
--solver openai:micro-gsm-solver --solver_base_url micro_gsm
--solver micro_gsm                                       the embedded world's, in this process
--solver_command "COMMAND {questions}"                   anything else: its last line is the share of right answers
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from dataset_builder.core.config import like, option
from dataset_builder.core.errors import UserError
from dataset_builder.dataset_folder.load import DEFAULT_PATH
from dataset_builder.llm.settings import EndpointOptions

MICRO_GSM = "micro_gsm"
"""The solver of the embedded world, in this process."""
_run = functools.partial(option, owner="run")
_endpoint = functools.partial(like, EndpointOptions, owner="run")


@dataclass(frozen=True, kw_only=True)
class SolverKeys:
    """The dataset, and who answers what a student asks on its problems."""

    dataset: str = _run(DEFAULT_PATH, "dataset folder or Hub id")
    dataset_revision: str = _run("", "tag or commit of the dataset on the Hub; empty: the newest")
    solver: str = _run(
        "", "who answers a student's sub-questions, to choose by or to learn from: openai:MODEL, or micro_gsm"
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
    kind, _, model = config.solver.partition(":")
    if config.solver not in ("", MICRO_GSM) and not (kind == "openai" and model):
        raise UserError(
            f"--solver {config.solver}: expected openai:MODEL or {MICRO_GSM}; serve a model of your own (vllm serve, "
            "transformers serve) and name its address with --solver_base_url, or give a --solver_command"
        )
    return bool(config.solver or config.solver_command)
