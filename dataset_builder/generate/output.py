"""What a generation writes for people and for `build`: `sets.jsonl` and `run.json`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dataset_builder.core.files import write_jsonl
from dataset_builder.generate.config import GenerateConfig
from dataset_builder.generate.stages import Plan, collect_sets
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.journal.served_by import served_by
from dataset_builder.llm.service import TextService
from dataset_builder.schema.records import Problem
from dataset_builder.text.replies import count_taken_off


def write_sets(plan: Plan, problems: Sequence[Problem], journal: Journal, folder: Path) -> dict[str, int]:
    """Replaces sets.jsonl by what the journal holds; returns how many sets are complete, failed in part, missing.

    Args:
        plan: what was asked for every problem.
        problems: all of them, in the file's order.
        journal: holds the replies.
        folder: the run's folder.
    """
    counts = {"complete": 0, "with_failures": 0, "missing": len(problems) * plan.sets}

    def rows() -> Iterator[dict[str, Any]]:
        for collected in collect_sets(plan, problems, journal.get):
            counts["with_failures" if collected.failures else "complete"] += 1
            yield collected.to_dict()

    counts["missing"] -= write_jsonl(folder / "sets.jsonl", rows())
    return counts


def taken_off(journal: Journal) -> Counter[str]:
    """How many answered requests had reasoning, end marks, tags or fences around what they say."""
    return count_taken_off(response.text for response in journal.responses() if response.ok)


def run_facts(config: GenerateConfig, plan: Plan, service: TextService) -> dict[str, Any]:
    """What run.json says during a run."""
    models = {stage.task: stage.model for stage in plan.stages}
    return {
        "problems": config.problems,
        "models": models,
        "prompts": {stage.task: {"name": stage.prompt.name, "sha256": stage.prompt.sha256} for stage in plan.stages},
        "decoding": {stage.task: stage.decoding for stage in plan.stages},
        "base_urls": service.base_urls,
        "served_by": served_by(service.journal),
        "parameters": {"renamed": config.rename_parameters, "left_out": config.leave_out, **service.parameters.found},
        "backend": config.backend,
        **service.tally.facts(),
        "cost_usd": round(service.budget.spent_usd, 6) if all(map(service.prices.price, models.values())) else None,
        "maybe_billed_usd": round(service.budget.lost_usd, 6),
        "max_cost_usd": config.max_cost_usd,
        "updated": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
