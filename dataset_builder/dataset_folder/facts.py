"""What `facts.json` of a dataset folder holds: every number that the card, the statistics and a push state.

A build writes all of it; an older build may lack what is not marked as required.

{"kind": "gsm8k-ai-subq dataset folder", "name": "gsm8k-ai-subq", "schema_version": "1.0.0", "rule": "flexible",
 "configs": {"default": {"test": {"rows": 1319, "files": ["data/default/test-00000-of-00001.parquet"], ...}}}, ...}
"""

from __future__ import annotations

from typing import Any, Required

from typing_extensions import TypedDict  # pydantic asks for this one below Python 3.12


class SplitFacts(TypedDict, total=False):
    """One split of one config."""

    rows: Required[int]
    """How many."""
    num_bytes: int
    """Of the rows in memory, as Arrow holds them."""
    file_bytes: int
    """Of the parquet files."""
    files: list[str]
    """The parquet files, seen from the dataset folder."""
    sha256: str
    """Over the files' bytes, one after the other."""


class DatasetFacts(TypedDict, total=False):
    """The facts of a build; `stats` is renewed by `dataset_builder.stats`."""

    kind: Required[str]
    """What tells our folders from others."""
    name: str
    """The folder's own."""
    schema_version: Required[str]
    """Of the records and columns."""
    about: dict[str, Any]
    """What the user said of the problems: title, license, language, description, domain; absent where nothing was."""
    rule: str
    """How a final answer was read from a text."""
    configs: Required[dict[str, dict[str, SplitFacts]]]
    """By config and split; what has no rows is not there."""
    problems: dict[str, int]
    """By split."""
    sets: dict[str, int]
    """By split."""
    sources: dict[str, int]
    """Sets by the source of their problem."""
    teachers: dict[str, int]
    """Sets by the model that wrote the sub-questions."""
    solvers: dict[str, int]
    """Sets by the model that answered them."""
    prompts: dict[str, int]
    """Sets by prompt, as "name.version@hash"."""
    temperatures: dict[str, int]
    """Sets by the temperature, as text."""
    unreadable_sets: int
    """Sets left out because no sub-question could be read."""
    failures: list[dict[str, Any]]
    """stage, kind and count, the most frequent first."""
    usage: dict[str, float | None]
    """prompt_tokens, completion_tokens and cost_usd of the whole generation; the cost is null without a price."""
    leak_check: dict[str, Any]
    """problems_checked, leaks, and the ids that were dropped."""
    taken_from_test: int
    """Problems that their source calls test and that are train or validation here; an older build lacks it: none."""
    validation_fraction: float
    """The share of train's problems that became validation."""
    seed: int
    """What drew them."""
    preference: dict[str, float]
    """usefulness_margin and max_pairs_per_problem."""
    run: dict[str, Any] | None
    """What the generation said of itself; null for published files."""
    stats: dict[str, Any]
    """By group of splits; see `stats.dataset_stats`."""
