"""Which solver scores a student's sub-questions: the keys that training and the choice of beta share.

--solver openai:gpt-4o-mini                              an endpoint; OPENAI_BASE_URL says which
--solver openai:NAME --solver_base_url http://...        one of your own (vLLM, Ollama, transformers serve)
--solver openai:micro-gsm-solver --solver_base_url micro_gsm
--solver_command "COMMAND {questions}"                   anything else: its last line is the share of right answers
"""

from __future__ import annotations

from typing import Protocol

from dataset_builder.core.errors import UserError


class SolverKeys(Protocol):
    """The keys of a config that name a solver and the dataset whose validation problems it is asked."""

    @property
    def solver(self) -> str: ...
    @property
    def solver_base_url(self) -> str: ...
    @property
    def solver_max_cost_usd(self) -> float | None: ...
    @property
    def solver_command(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def dataset_revision(self) -> str: ...


def names_solver(config: SolverKeys) -> bool:
    """Whether a solver or a command is named.

    Raises:
        UserError: both are, or the solver is of a kind that cannot be asked here.
    """
    if config.solver and config.solver_command:
        raise UserError("--solver and --solver_command both say who scores; keep one")
    kind, _, model = config.solver.partition(":")
    if config.solver and not (kind == "openai" and model):
        raise UserError(
            f"--solver {config.solver}: expected openai:MODEL; serve a model of your own (vllm serve, transformers "
            "serve) and name its address with --solver_base_url, or give a --solver_command"
        )
    return bool(config.solver or config.solver_command)
