"""Asks a teacher for sub-questions, a solver for their answers and a critic for votes, for every problem.

Reads problems (a jsonl file with `question` and `answer`, or a source's name). Writes into `--output`:

    config.yaml      what was asked for, resolved; no secrets
    journal.sqlite   every reply and failure, the moment it came (see llm/journal.py)
    sets.jsonl       one `RawSet` per line (see schema.py), in the problems' order, replaced as a whole at the end
    run.json         requests by task and outcome, failures, tokens, cost, rate; renewed every few seconds

The same command goes on where the last one stopped, whatever stopped it, and asks nothing twice that was answered.
The three stages stream: a set's answers and votes are asked for as soon as its questions are in.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from dataset_builder.core.config import option, parse_config, save_resolved
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.files import write_json, write_jsonl
from dataset_builder.generate.estimate import StageEstimate, estimate_stages, format_estimate
from dataset_builder.generate.stages import (
    MOST_VOTES,
    TASKS,
    Lookup,
    Plan,
    Stage,
    collect_sets,
    open_requests,
    sub_questions_of_reply,
)
from dataset_builder.llm.journal import FILE_NAME, Journal
from dataset_builder.llm.openai_batch.service import BatchService
from dataset_builder.llm.openai_chat import resolve_base_urls
from dataset_builder.llm.progress import Tally
from dataset_builder.llm.request import Request
from dataset_builder.llm.service import Job, TextService
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.prompts import load_prompt
from dataset_builder.schema.records import SPLITS, Failure, Problem, Split
from dataset_builder.sources import load_problems
from dataset_builder.sources.embedded import SERVERS, serve_embedded

PROG = "python -m dataset_builder.generate"
REPLIES_FILE = "embedded_replies.jsonl"
EPILOG = """examples:
  what would it cost, without sending anything:
    python -m dataset_builder.generate --problems gsm8k --model gpt-4o-mini --output outputs/gsm8k --dry_run
  ten problems on a server of your own (vLLM, Ollama, llama.cpp, transformers serve):
    python -m dataset_builder.generate --problems gsm8k --limit 10 --model qwen2.5:7b \\
        --base_url http://127.0.0.1:11434/v1 --output outputs/try
  everything, half price, never above 40 dollars:
    python -m dataset_builder.generate --problems gsm8k --model gpt-4o-mini --backend batch --max_cost_usd 40 \\
        --output outputs/gsm8k
  no key and no server, the embedded world:
    python -m dataset_builder.generate --problems micro_gsm --limit 20 --model micro-gsm-teacher \\
        --solver_model micro-gsm-solver --feedback_model micro-gsm-critic --base_url micro_gsm --output outputs/micro

The key is read from OPENAI_API_KEY, the endpoint from --base_url or OPENAI_BASE_URL. Ctrl-C reads what is in flight,
writes it and stops; the same command goes on from there. `python -m dataset_builder.llm.journal DIR` shows what the
journal holds.
"""


@dataclasses.dataclass
class GenerateConfig:
    """What to ask, whom, and how hard."""

    problems: str = option("", "a jsonl file with `question` and `answer`, or a source's name (gsm8k, svamp, ...)")
    split: str = option("train", "which split of a named source", choices=SPLITS)
    limit: int | None = option(None, "only the first N problems")
    output: str = option("", "the run's folder; an existing one is continued")
    model: str = option("", "the teacher: writes the sub-questions")
    solver_model: str = option("", "answers them; empty: the teacher")
    feedback_model: str = option("", "judges them; empty: the teacher")
    base_url: list[str] = option([], "one or more endpoints that share the load; 'micro_gsm' starts the embedded one")
    backend: str = option("chat", "chat: one request at a time; batch: OpenAI's Batch API", choices=("chat", "batch"))
    sets: int = option(3, "sub-question sets per problem")
    votes: int = option(3, "feedback samples per set; 0: none")
    temperature: float | None = option(0.7, "of all three stages; null in YAML leaves it to the server")
    seed: int = option(0, "request i of a problem carries the seed N + i; negative: none is sent")
    decompose_prompt: str = option("decompose.v1", "a file of dataset_builder/prompts")
    answer_prompt: str = option("answer.v1", "likewise")
    feedback_prompt: str = option("feedback.v1", "likewise")
    decompose_max_tokens: int = option(512, "longest reply of the teacher")
    answer_max_tokens: int = option(1024, "longest reply of the solver")
    feedback_max_tokens: int = option(256, "longest reply of the critic")
    max_in_flight: int = option(64, "requests at once, at most; fewer after a 429 until it goes well again")
    requests_per_minute: float | None = option(None, "the account's limit, if you know it")
    tokens_per_minute: float | None = option(None, "likewise")
    max_cost_usd: float | None = option(None, "hard cap on the whole run's cost, earlier sessions included")
    price_input: float | None = option(None, "USD per million prompt tokens, instead of the price table")
    price_output: float | None = option(None, "USD per million reply tokens, instead of the price table")
    price_file: str | None = option(None, "YAML of `model: [input, output]` prices beside the table")
    batch_poll_s: float = option(30.0, "seconds between two looks at a batch")
    batch_rows: int = option(50_000, "requests per batch, at most")
    max_attempts: int = option(6, "tries per request for what can heal; then the row is recorded as failed")
    timeout_s: float = option(180.0, "seconds to wait for one reply")
    backoff_s: float = option(1.0, "the first pause before trying again; doubles")
    give_up_after_s: float = option(120.0, "stop the run when no endpoint has worked for so long")
    retry_failed: bool = option(False, "ask again what was refused, cut or withheld before")
    dry_run: bool = option(False, "print requests, tokens and dollars per stage, send nothing")
    offline: bool = option(False, "send nothing: write sets.jsonl from what the journal holds")
    progress: bool = option(True, "show progress on stderr")


def make_plan(config: GenerateConfig) -> Plan:
    """The plan a config asks for.

    Raises:
        UserError: a number is out of range, a model or a prompt is missing.
    """
    if not config.model:
        raise UserError("--model is missing: the name of the teacher, for instance gpt-4o-mini")
    if config.sets < 1 or not 0 <= config.votes < MOST_VOTES:
        raise UserError(f"--sets must be at least 1 and --votes from 0 to {MOST_VOTES - 1}")
    if config.max_in_flight < 1 or config.max_attempts < 1:
        raise UserError("--max_in_flight and --max_attempts must be at least 1")

    def stage(task: str, model: str, prompt: str, max_tokens: int) -> Stage:
        decoding = {"temperature": config.temperature, "max_tokens": max_tokens}
        seed = config.seed if config.seed >= 0 else None
        return Stage(task, model or config.model, load_prompt(prompt), decoding, seed)

    return Plan(
        decompose=stage("decompose", config.model, config.decompose_prompt, config.decompose_max_tokens),
        answer=stage("answer", config.solver_model, config.answer_prompt, config.answer_max_tokens),
        feedback=stage("feedback", config.feedback_model, config.feedback_prompt, config.feedback_max_tokens),
        sets=config.sets,
        votes=config.votes,
    )


def set_jobs(plan: Plan, problems: Sequence[Problem], service: TextService) -> Iterator[Job]:
    """One job per set, in the problems' order; made only when a worker takes it, so memory stays flat."""
    for problem in problems:
        for set_index in range(plan.sets):

            async def job(problem: Problem = problem, set_index: int = set_index) -> None:
                await ask_set(plan, problem, set_index, service)

            yield job


async def ask_set(plan: Plan, problem: Problem, set_index: int, service: TextService) -> None:
    """Asks for a set's questions, then for its answer and votes together."""
    questions = sub_questions_of_reply(await service.ask(plan.questions_request(problem, set_index)))
    if isinstance(questions, Failure):
        service.tally.skip("answer", 1)
        service.tally.skip("feedback", plan.votes)
        return
    follow_ups = [service.ask(request) for request in plan.follow_ups(problem, set_index, questions)]
    for outcome in await asyncio.gather(*follow_ups, return_exceptions=True):  # all of them are drained at a stop
        if isinstance(outcome, BaseException):
            raise outcome


def expected_requests(plan: Plan, problems: int) -> dict[str, int]:
    """Requests per task if nothing fails: 7,473 problems with 3 sets and 3 votes make 112,095."""
    return dict(
        zip(TASKS, (problems * plan.sets, problems * plan.sets, problems * plan.sets * plan.votes), strict=True)
    )


def write_sets(plan: Plan, problems: Sequence[Problem], journal: Journal, folder: Path) -> dict[str, int]:
    """Replaces sets.jsonl by what the journal holds; returns how many sets are complete, failed in part, missing."""
    counts = {"complete": 0, "with_failures": 0, "missing": len(problems) * plan.sets}

    def rows() -> Iterator[dict[str, Any]]:
        for collected in collect_sets(plan, problems, journal.get):
            counts["with_failures" if collected.failures else "complete"] += 1
            yield collected.to_dict()

    counts["missing"] -= write_jsonl(folder / "sets.jsonl", rows())
    return counts


def run_facts(config: GenerateConfig, plan: Plan, service: TextService) -> dict[str, Any]:
    """What run.json says while a run goes on."""
    models = {stage.task: stage.model for stage in plan.stages}
    return {
        "problems": config.problems,
        "models": models,
        "prompts": {stage.task: {"name": stage.prompt.name, "sha256": stage.prompt.sha256} for stage in plan.stages},
        "decoding": {stage.task: stage.decoding for stage in plan.stages},
        "base_urls": service.base_urls,
        "backend": config.backend,
        **service.tally.facts(),
        "cost_usd": round(service.budget.spent_usd, 6) if all(map(service.prices.price, models.values())) else None,
        "maybe_billed_usd": round(service.budget.lost_usd, 6),
        "max_cost_usd": config.max_cost_usd,
        "updated": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def generate(
    config: GenerateConfig, plan: Plan, problems: Sequence[Problem], base_urls: Sequence[str]
) -> dict[str, int]:
    """Runs the generation and writes the folder; returns the counts of sets.

    Raises:
        UserError: the run could not start or had to stop; the folder holds everything that was answered.
        KeyboardInterrupt: somebody stopped it; likewise.
    """
    folder = Path(config.output)
    with Journal(folder / FILE_NAME) as journal:
        save_resolved(config, folder / "config.yaml")
        tally = Tally(expected_requests(plan, len(problems)), journal.totals())
        facts: dict[str, Any] = {}

        def note() -> None:
            facts.update(run_facts(config, plan, service))
            write_json(folder / "run.json", {"finished": False, **facts})

        service = _service(config, base_urls, journal, tally, note)
        service.require_prices(stage.model for stage in plan.stages)
        if isinstance(service, BatchService):
            service.run_waves(functools.partial(_all_open_requests, plan, problems))
        else:
            service.run(set_jobs(plan, problems, service))
        counts = write_sets(plan, problems, journal, folder)
        reason = service.stopped_by
        facts |= {"sets": counts, "stopped_by": None if reason is None else str(reason) or "interrupted"}
        write_json(folder / "run.json", {"finished": reason is None, **facts})
    if reason is not None:
        raise reason
    return counts


def _service(
    config: GenerateConfig, base_urls: Sequence[str], journal: Journal, tally: Tally, note: Callable[[], None]
) -> TextService:
    kind = BatchService if config.backend == "batch" else TextService
    service = kind(ServiceSettings.of(config, base_urls), journal, tally, label="generate", on_note=note)
    if isinstance(service, BatchService):
        service.prepare(Path(config.output) / "batches")
    return service


def _all_open_requests(plan: Plan, problems: Sequence[Problem], lookup: Lookup) -> Iterator[Request]:
    for problem in problems:
        for set_index in range(plan.sets):
            yield from open_requests(plan, problem, set_index, lookup)


def _estimate(config: GenerateConfig, plan: Plan, problems: Sequence[Problem]) -> list[StageEstimate]:
    settings = ServiceSettings.of(config, config.base_url)
    return estimate_stages(plan, problems, Path(config.output), settings, batch=config.backend == "batch")


def _check(config: GenerateConfig) -> None:
    if not config.problems:
        raise UserError("--problems is missing: a jsonl file with `question` and `answer`, or a source's name")
    if not config.output:
        raise UserError("--output is missing: the folder of this run, for instance outputs/gsm8k")
    urls = [url for url in config.base_url if url not in SERVERS]
    if any("@" in url for url in resolve_base_urls(urls)):
        raise UserError("a URL with a password would be written into config.yaml; put the key in OPENAI_API_KEY")


def _summary(counts: dict[str, int], folder: Path) -> str:
    parts = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in counts.items())
    return f"sets: {parts} -> {folder / 'sets.jsonl'}"


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = parse_config(
        GenerateConfig, argv, prog=PROG, description=(__doc__ or "").partition("\n")[0], epilog=EPILOG
    )
    _check(config)
    plan = make_plan(config)
    problems = load_problems(config.problems, cast(Split, config.split), config.limit)
    folder = Path(config.output)
    if config.dry_run:
        print(format_estimate(_estimate(config, plan, problems)))
    elif config.offline:
        with Journal(folder / FILE_NAME, read_only=True) as journal:
            print(_summary(write_sets(plan, problems, journal, folder), folder))
    else:
        with serve_embedded(config.base_url, log=folder / REPLIES_FILE) as base_urls:
            counts = generate(config, plan, problems, base_urls)
        print(_summary(counts, folder))


if __name__ == "__main__":
    sys.exit(main())
