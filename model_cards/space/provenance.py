"""Who decomposes and who answers on the page, in words that anybody reads, and where their answers come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from dataset_builder.solving.single_stage import is_single_stage

WORLD = "MicroGSM, a small program of this toolkit without a language model in it"
IN_PROCESS = ("checkpoint", "transformers", "vllm")


def plain_name(spec: str) -> str:
    """What a decomposer or solver is called on the page.

    >>> [plain_name(spec) for spec in ("reference", "none", "api:gpt-4o-mini", "checkpoint:me/subq-lora")]
    ['the exact sub-questions', 'no sub-questions', 'gpt-4o-mini', 'subq-lora']
    """
    kind, _, argument = spec.partition(":")
    if kind == "reference":
        return "the exact sub-questions"
    if is_single_stage(spec):
        return "no sub-questions" if spec == "none" else f"no sub-questions ({spec})"
    return Path(argument).name if kind in IN_PROCESS else argument or spec


def runs_here(spec: str) -> bool:
    """Whether the model's weights are in this process."""
    return spec.partition(":")[0] in IN_PROCESS


def origins(decomposers: Sequence[str], solver: str, base_url: str, in_world: bool) -> list[str]:
    """One sentence on the origin of each kind of answer.

    Args:
        decomposers: those on offer, as in eval_harness.run.
        solver: likewise.
        base_url: the endpoint; empty: OpenAI's or what the environment says.
        in_world: whether the embedded world is the endpoint.
    """
    where = WORLD if in_world else f"asked at {urlsplit(base_url).netloc or 'the endpoint that its owner has set'}"
    lines = [f"**{plain_name(spec)}**: {_origin(spec, where)}." for spec in dict.fromkeys(decomposers)]
    return [*lines, f"The answers: **{plain_name(solver)}**, {'run by this page' if runs_here(solver) else where}."]


def _origin(spec: str, where: str) -> str:
    kind, _, argument = spec.partition(":")
    if kind == "reference":
        return "those that come with MicroGSM's own problems, known because the problems are drawn by a program"
    if is_single_stage(spec):
        return "the problem is answered as it stands"
    return f"sub-questions by the model `{Path(argument).name}`, run by this page" if runs_here(spec) else where
