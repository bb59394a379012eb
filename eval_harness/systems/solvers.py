"""Who answers: one protocol, four kinds, named on the command line as `kind:argument`.

    openai:MODEL         an OpenAI-compatible endpoint (`dataset_builder.solving.endpoint`)
    transformers:PATH    a model in this process, decoded in batches with a KV cache and stop strings; a checkpoint
                         that was trained here gets the token ids it was trained on, any other its own chat template
    vllm:PATH            vLLM in this process (the extra `vllm`)
    recorded:FILE        responses on disk

A solver knows nothing of sub-questions: it completes texts. A reply is cut at the first stop string whoever wrote it,
because a base model continues by inventing the next problem, and a number from there is no answer to this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.values import check_installed
from dataset_builder.schema.records import Problem
from dataset_builder.solving.endpoint import EndpointSolver, SolverOptions
from dataset_builder.solving.records import Solver
from eval_harness.systems.recorded import RecordedSolver
from recipes.training.in_process import InProcessModel, InProcessSolver

KINDS = ("openai:MODEL", "transformers:PATH", "vllm:PATH", "recorded:FILE")


def make_solver(spec: str, options: SolverOptions, problems: Sequence[Problem]) -> Solver:
    """The solver that `kind:argument` names.

    Raises:
        UserError: no such kind, its argument is missing, or the recorded file is not there.
    """
    kind, _, argument = spec.partition(":")
    if not argument or kind not in ("openai", "transformers", "vllm", "recorded"):
        raise UserError(f"solver {spec!r}: expected one of {', '.join(KINDS)}")
    if kind == "openai":
        return EndpointSolver(argument, options)
    if kind == "recorded":
        if not Path(argument).is_file():
            raise UserError(f"no recorded responses {argument}; give an existing jsonl file")
        return RecordedSolver(Path(argument), problems)
    check_installed("torch")
    return InProcessSolver(kind, argument, options, _load_transformers if kind == "transformers" else _load_vllm)


def _load_transformers(path: str) -> InProcessModel:
    from eval_harness.systems.in_process import load_transformers

    return load_transformers(path)


def _load_vllm(path: str) -> InProcessModel:
    from eval_harness.systems.in_process import load_vllm

    return load_vllm(path)
