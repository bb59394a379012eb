"""What a generation writes for people and for `build`: `sets.jsonl`, `run.json`, and its last lines."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dataset_builder.answers import DEFAULT_RULE
from dataset_builder.core.files import file_sha256, write_jsonl
from dataset_builder.generate.config import GenerateConfig
from dataset_builder.generate.stages import Plan, collect_sets
from dataset_builder.llm.journal import Journal
from dataset_builder.llm.journal.served_by import served_by
from dataset_builder.llm.service import TextService
from dataset_builder.schema.records import Failure, Problem, RawSet
from dataset_builder.solving.grading import grade_reply
from dataset_builder.solving.records import Decomposition, Reply
from dataset_builder.text.parsing import parse_sub_questions
from dataset_builder.text.replies import count_taken_off


@dataclass
class SetCounts:
    """What came out of a generation, in sets."""

    complete: int = 0
    """With every text."""
    with_failures: int = 0
    """Without some of them."""
    missing: int = 0
    """Never asked."""
    readable: int = 0
    """With sub-questions that can be read."""
    answered: int = 0
    """Readable, and with a solver's text."""
    right: int = 0
    """Answered, with a final answer that is the gold one under the usual rule."""

    def add(self, raw: RawSet) -> None:
        self.with_failures += bool(raw.failures)
        self.complete += not raw.failures
        questions = parse_sub_questions(raw.questions_text) if raw.questions_text is not None else None
        if questions is None or isinstance(questions, Failure):
            return
        self.readable += 1
        if raw.answers_text is not None:
            grade = grade_reply(raw.problem, Decomposition(questions), Reply(raw.answers_text), DEFAULT_RULE)
            self.answered += 1
            self.right += grade.verdict == "correct"


def write_sets(plan: Plan, problems: Sequence[Problem], journal: Journal, folder: Path) -> SetCounts:
    """Replaces sets.jsonl by what the journal holds; returns what the sets are like.

    Args:
        plan: what was asked for every problem.
        problems: all of them, in the file's order.
        journal: holds the replies.
        folder: the run's folder.
    """
    counts = SetCounts()

    def rows() -> Iterator[dict[str, Any]]:
        for collected in collect_sets(plan, problems, journal.get):
            counts.add(collected)
            yield collected.to_dict()

    counts.missing = len(problems) * plan.sets - write_jsonl(folder / "sets.jsonl", rows())
    return counts


def last_lines(config: GenerateConfig, counts: SetCounts, cost_usd: float | None) -> Iterator[str]:
    """What came out and what to do next, for the person who waited.

    Args:
        config: of the run.
        counts: of its sets.
        cost_usd: of the whole run; None where a price is unknown.
    """
    folder = Path(config.output)
    states = f"{counts.complete:,} complete, {counts.with_failures:,} with failures, {counts.missing:,} missing"
    yield f"sets: {states} -> {folder / 'sets.jsonl'}"
    cost = "unknown (--price_input and --price_output name it)" if cost_usd is None else f"${cost_usd:.4f}"
    readable = _share(counts.readable, counts.complete + counts.with_failures)
    right = _share(counts.right, counts.answered)
    yield f"readable: {readable} sets; right: {right} answers; cost: {cost}"
    if not config.votes:
        yield "no feedback was asked for; the same command with --votes 3 adds it and pays for nothing else again"
    if counts.readable:
        made = "gsm8k-ai-subq" if config.problems == "gsm8k" else f"{Path(config.problems).name.split('.')[0]}-subq"
        words = ["python", "-m", "dataset_builder.build", "--generation", str(folder), "--output", made]
        yield f"next: {shlex.join(words)}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} % of {whole:,}" if whole else "none of 0"


def taken_off(journal: Journal) -> Counter[str]:
    """How many answered requests had reasoning, end marks, tags or fences around what they say."""
    return count_taken_off(response.text for response in journal.responses() if response.ok)


def run_facts(config: GenerateConfig, plan: Plan, problems: int, service: TextService) -> dict[str, Any]:
    """What run.json says during a run; a problem file is told by its name and hash, not by where it lies.

    Args:
        config: the options.
        plan: what is asked.
        problems: how many.
        service: who is asked, and how it goes.
    """
    models = {stage.task: stage.model for stage in plan.stages}
    priced = all(map(service.prices.price, models.values())) and not any(row.unpriced for row in service.tally.before)
    return {
        "problems": problem_facts(config, problems),
        "models": models,
        "prompts": {stage.task: stage.prompt.record for stage in plan.stages},
        "decoding": {stage.task: stage.decoding for stage in plan.stages},
        "votes": plan.votes,
        "base_urls": service.base_urls,
        "served_by": served_by(service.journal),
        "parameters": {"renamed": config.rename_parameters, "left_out": config.leave_out, **service.parameters.found},
        "backend": config.backend,
        **service.tally.facts(),
        "cost_usd": round(service.budget.spent_usd, 6) if priced else None,
        "maybe_billed_usd": round(service.budget.lost_usd, 6),
        "max_cost_usd": config.max_cost_usd,
        "updated": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def problem_facts(config: GenerateConfig, count: int) -> dict[str, Any]:
    """Which problems: a source's name, or a file's with the hash of its content."""
    path = Path(config.problems)
    content = {"sha256": file_sha256(path)} if path.is_file() else {}
    return {"name": path.name, "split": config.split, "count": count, **content}


def set_facts(counts: SetCounts) -> dict[str, int]:
    """The counts as run.json holds them."""
    return asdict(counts)
