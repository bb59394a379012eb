"""The options of a generation, and the plan they make."""

from __future__ import annotations

import dataclasses
from typing import Any

from dataset_builder.core.config import option
from dataset_builder.core.errors import UserError
from dataset_builder.generate.stages import (
    MOST_VOTES,
    Plan,
    Stage,
)
from dataset_builder.llm.openai_chat.address import resolve_base_urls
from dataset_builder.llm.settings import EndpointOptions
from dataset_builder.prompts import load_prompt
from dataset_builder.schema.records import SPLITS
from dataset_builder.sources.embedded import SERVERS


@dataclasses.dataclass(frozen=True)
class GenerateConfig(EndpointOptions):
    """What to ask, whom, and how hard."""

    problems: str = option("", "a jsonl file with `question` and `answer`, or a source's name (gsm8k, svamp, ...)")
    split: str = option("train", "which split of a named source", choices=SPLITS)
    limit: int | None = option(None, "only the first N problems", least=1)
    output: str = option("", "the run's folder; an existing one is continued", writes="folder")
    model: str = option("", "the teacher: writes the sub-questions")
    solver_model: str = option("", "answers them; empty: the teacher")
    feedback_model: str = option("", "votes on each of them; empty: the teacher")
    base_url: list[str] = option([], "one or more endpoints that share the load; 'micro_gsm' starts the embedded one")
    backend: str = option("chat", "chat: one request at a time; batch: OpenAI's Batch API", choices=("chat", "batch"))
    sets: int = option(3, "sub-question sets per problem", least=1)
    votes: int = option(3, "feedback samples per set; 0: none", least=0, most=MOST_VOTES - 1)
    temperature: float | None = option(0.7, "of all three stages; null in YAML leaves it to the server", least=0)
    seed: int = option(0, "request i of a problem carries the seed N + i; negative: none is sent")
    decompose_prompt: str = option("decompose.v1", "one of dataset_builder/prompts, or the path of your own text")
    answer_prompt: str = option("answer.v1", "likewise")
    feedback_prompt: str = option("feedback.v1", "likewise")
    decompose_max_tokens: int = option(512, "longest reply of the teacher", least=1)
    answer_max_tokens: int = option(1024, "longest reply of the solver", least=1)
    feedback_max_tokens: int = option(256, "longest reply of the critic", least=1)
    batch_poll_s: float = option(30.0, "seconds between two looks at a batch", least=0)
    batch_rows: int = option(50_000, "requests per batch, at most", least=1)
    other_settings: bool = option(False, "go on in a folder that was asked with another model, prompt or decoding")
    dry_run: bool = option(False, "print requests, tokens and dollars per stage, send nothing")
    offline: bool = option(False, "send nothing: write sets.jsonl from what the journal holds")
    progress: bool = option(True, "show progress on stderr")


def make_plan(config: GenerateConfig) -> Plan:
    """The plan a config asks for.

    Raises:
        UserError: a model or a prompt is missing.
    """
    if not config.model:
        raise UserError("--model is missing: the name of the teacher, for instance gpt-4o-mini")

    def stage(task: str, model: str, prompt: str, max_tokens: int) -> Stage:
        decoding: dict[str, Any] = {"temperature": config.temperature, "max_tokens": max_tokens}
        if config.reasoning_effort:
            decoding["reasoning_effort"] = config.reasoning_effort
        seed = config.seed if config.seed >= 0 else None
        return Stage(task, model or config.model, load_prompt(prompt), decoding, seed)

    plan = Plan(
        decompose=stage("decompose", config.model, config.decompose_prompt, config.decompose_max_tokens),
        answer=stage("answer", config.solver_model, config.answer_prompt, config.answer_max_tokens),
        feedback=stage("feedback", config.feedback_model, config.feedback_prompt, config.feedback_max_tokens),
        sets=config.sets,
        votes=config.votes,
    )
    plan.decompose.prompt.fill(problem="")
    for reader in plan.stages[1:]:
        reader.prompt.fill(problem="", sub_questions="")
    return plan


def check_config(config: GenerateConfig) -> None:
    """Refuses options that no run could start with.

    Raises:
        UserError: the problems or the folder are missing, or an address would give a password away.
    """
    if not config.problems:
        raise UserError("--problems is missing: a jsonl file with `question` and `answer`, or a source's name")
    if not config.output:
        raise UserError("--output is missing: the folder of this run, for instance outputs/gsm8k")
    urls = [url for url in config.base_url if url not in SERVERS]
    if any("@" in url for url in resolve_base_urls(urls)):
        raise UserError("a URL with a password would be written into config.yaml; put the key in OPENAI_API_KEY")
