"""EvalConfig: one grid of pairs, every key with its default and its help text."""

from __future__ import annotations

from dataclasses import dataclass

from dataset_builder.answers import DEFAULT_RULE, RULES
from dataset_builder.core.config import option
from dataset_builder.llm.settings import EndpointOptions
from dataset_builder.schema.records import SPLITS
from eval_harness.pipeline.sources import ANY_SPLIT


@dataclass(frozen=True)
class EvalConfig(EndpointOptions):
    """One grid of pairs."""

    source: str = option(
        "gsm8k", "the problems: a name (gsm8k, micro_gsm, svamp, ...), a jsonl file, or a dataset (folder or Hub id)"
    )
    split: str = option(ANY_SPLIT, "which part of the source; auto: test, but of a file all", (ANY_SPLIT, *SPLITS))
    limit: int | None = option(None, "use only the first N problems", least=1)
    decomposers: list[str] = option(["none", "direct"], "the rows, see below")
    solvers: list[str] = option(["openai:gpt-4o-mini"], "the columns, see below")
    references: str = option(
        "", "recorded sub-questions to measure granularity, fluency and order against; empty: the source's own"
    )
    baseline: str = option("none", "the row that the others are compared with; without such a row nothing is compared")
    rule: str = option(DEFAULT_RULE, "how the final answer is read", RULES)
    seeds: list[int] = option([0], "one run per seed; they differ only where a temperature is above zero", least=0)
    output: str = option("outputs/eval", "folder for everything this run writes", writes="folder")
    asked_before: str = option(
        "", "folder of another run: what an endpoint answered there is taken from its journal, not asked again"
    )
    decompose_prompt: str = option(
        "",
        "an API decomposer's prompt, a file of dataset_builder/prompts; empty: decompose.v1, or its capped form",
    )
    answer_prompt: str = option("answer.v1", "the solver's prompt where there are sub-questions, likewise")
    base_url: str = option("", "endpoint of the solver, or micro_gsm; empty: OPENAI_BASE_URL")
    decomposer_base_url: str = option("", "endpoint of the decomposer; empty: that of the solver")
    temperature: float = option(0.0, "the solver's temperature", least=0)
    decomposer_temperature: float = option(0.0, "the API decomposer's temperature", least=0)
    max_new_tokens: int = option(500, "the solver's limit per reply", least=1)
    decomposer_max_new_tokens: int = option(200, "a checkpoint's limit per set of sub-questions", least=1)
    api_max_new_tokens: int = option(512, "the API decomposer's limit per reply, its reasoning included", least=1)
    max_sub_questions: int = option(
        0, "keep at most N sub-questions and tell an API decomposer so; 0: no cap", least=0
    )
    fall_back: bool = option(False, "give the solver the bare problem where the sub-questions cannot be read")
    batch_size: int = option(64, "prompts decoded together by a model in this process", least=1)
    four_bit: bool = option(False, "load checkpoints in 4 bit")
