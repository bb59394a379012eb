"""Runs a generation: asks what is open, through the live endpoints or in batches, and writes the folder.

The three stages stream: a set's answers and votes are asked for as soon as its questions are in.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dataset_builder.core.config import save_resolved
from dataset_builder.core.files import write_json
from dataset_builder.core.progress import tell
from dataset_builder.generate.config import GenerateConfig
from dataset_builder.generate.output import SetCounts, run_facts, set_facts, taken_off, write_sets
from dataset_builder.generate.run_folder import RECORD_FILE, asked_with, note_asked
from dataset_builder.generate.stages import Lookup, Plan, open_requests, sub_questions_of_reply
from dataset_builder.llm.journal import FILE_NAME, Journal
from dataset_builder.llm.openai_batch.service import BatchService
from dataset_builder.llm.progress import Tally
from dataset_builder.llm.request import Request
from dataset_builder.llm.service import Job, TextService
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Failure, Problem
from dataset_builder.text.replies import told_taken_off


def generate(
    config: GenerateConfig, plan: Plan, problems: Sequence[Problem], base_urls: Sequence[str]
) -> tuple[SetCounts, float | None]:
    """Runs the generation and writes the folder; returns the counts of sets and the cost, None where it is unknown.

    Args:
        config: the options, which are written down beside the results.
        plan: what is asked for every problem.
        problems: all of them.
        base_urls: the endpoints.

    Raises:
        UserError: the run could not start or had to stop; the folder holds everything that was answered.
        KeyboardInterrupt: somebody stopped it; likewise.
    """
    folder = Path(config.output)
    with Journal(folder / FILE_NAME) as journal:
        save_resolved(config, folder / "config.yaml")
        note_asked(journal, asked_with(plan, config.problems, config.split))
        tally = Tally(expected_requests(plan, len(problems)), journal.totals(), journal.reasoning_tokens())
        facts: dict[str, Any] = {}

        def note() -> None:
            facts.update(run_facts(config, plan, len(problems), service))
            write_json(folder / RECORD_FILE, {"finished": False, **facts})

        service = _service(config, base_urls, journal, tally, note)
        service.will_ask(stage.model for stage in plan.stages)
        if isinstance(service, BatchService):
            service.run_waves(functools.partial(_all_open_requests, plan, problems))
        else:
            service.run(set_jobs(plan, problems, service))
        counts = write_sets(plan, problems, journal, folder)
        reason = service.stopped_by or service.unfinished()
        if taken := taken_off(journal):
            facts["taken_off"] = dict(taken)
            tell(f"generate: {told_taken_off(taken)}")
        facts |= {"sets": set_facts(counts), "stopped_by": None if reason is None else str(reason) or "interrupted"}
        write_json(folder / RECORD_FILE, {"finished": reason is None, **facts})
    if reason is not None:
        raise reason
    return counts, facts["cost_usd"]


def set_jobs(plan: Plan, problems: Sequence[Problem], service: TextService) -> Iterator[Job]:
    """One job per set, in the problems' order; made only when a worker takes it, so memory stays flat."""
    for problem, set_index in itertools.product(problems, range(plan.sets)):
        yield functools.partial(ask_set, plan, problem, set_index, service)


async def ask_set(plan: Plan, problem: Problem, set_index: int, service: TextService) -> None:
    """Asks for a set's questions, then for its answer and votes together.

    Args:
        plan: what is asked.
        problem: the problem.
        set_index: which of its sets.
        service: whom to ask.
    """
    questions = sub_questions_of_reply(await service.ask(plan.questions_request(problem, set_index)))
    if isinstance(questions, Failure):
        service.tally.skip("answer", 1)
        if plan.votes:
            service.tally.skip("feedback", plan.votes)
        return
    follow_ups = [service.ask(request) for request in plan.follow_ups(problem, set_index, questions)]
    for outcome in await asyncio.gather(*follow_ups, return_exceptions=True):  # all of them are drained at a stop
        if isinstance(outcome, BaseException):
            raise outcome


def expected_requests(plan: Plan, problems: int) -> dict[str, int]:
    """Requests per task if nothing fails: 7,473 problems with 3 sets and 3 votes make 112,095."""
    sets = problems * plan.sets
    return {stage.task: sets * (plan.votes if stage is plan.feedback else 1) for stage in plan.stages}


def _service(
    config: GenerateConfig, base_urls: Sequence[str], journal: Journal, tally: Tally, note: Callable[[], None]
) -> TextService:
    kind = BatchService if config.backend == "batch" else TextService
    service = kind(ServiceSettings.of(config, base_urls), journal, tally, label="generate", on_note=note)
    if isinstance(service, BatchService):
        service.prepare(Path(config.output) / "batches")
    return service


def _all_open_requests(plan: Plan, problems: Sequence[Problem], lookup: Lookup) -> Iterator[Request]:
    for problem, set_index in itertools.product(problems, range(plan.sets)):
        yield from open_requests(plan, problem, set_index, lookup)
