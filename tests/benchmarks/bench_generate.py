"""How fast, how cheap in CPU and how small the generator is, beside the bare client: `make bench-generate`.

A loopback server in its own process answers every request after a fixed latency. Each row of the table is its own
process, so that CPU time and peak memory are its own:

    ours            the text service: journal, limits, prices, retries
    generator       the whole generator: three stages, the service, sets.jsonl (other prompts than the rows below)
    gather          asyncio.gather over AsyncOpenAI with the same (aiohttp) transport
    gather-default  the same with the library's default transport
    datatrove       its inference runner against the same endpoint, where it can be imported (pip install datatrove)
    curator         bespokelabs-curator, with `--curator_python`: the interpreter of an environment that holds it

All but the generator send the same requests (one text per request, one user message, max_tokens 512), and each clock
runs from before the first request to after the last, opening and closing included; imports are nobody's.

Writes outputs/bench/generate.json. `--full` adds the full shape (112,095 requests, latency 0 by default) for memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.fake_openai import serving  # noqa: E402 (run as a script)

REQUESTS_PER_PROBLEM = 15
FULL_PROBLEMS = 7473


def write_problems(path: Path, count: int) -> None:
    """Problems of GSM8K's usual length."""
    with path.open("w", encoding="utf-8") as lines:
        for i in range(count):
            text = (
                f"Farmer {i} sells {i % 37 + 2} crates of plums at {i % 11 + 3} dollars each on every market day. "
                "There are two market days in a week, and the stall costs him 15 dollars a day. He saves half of "
                f"what is left for a new cart that costs {i % 900 + 200} dollars. How many dollars does he save in "
                "a week?"
            )
            lines.write(json.dumps({"question": text, "answer": str(i)}) + "\n")


def payload(count: int) -> list[str]:
    """The prompts that every row sends: a decompose prompt's length."""
    return ["Problem: plums. " * 60 + f"{index}\nSub-questions:" for index in range(count)]


def measure_ours(url: str, problems: int, in_flight: int, folder: Path) -> dict[str, Any]:
    import openai  # noqa: F401 (its import is nobody's request)

    from dataset_builder.llm.request import Request
    from dataset_builder.llm.run import run_requests
    from dataset_builder.llm.settings import ServiceSettings

    count = problems * REQUESTS_PER_PROBLEM
    settings = ServiceSettings((url,), max_in_flight=in_flight, progress=False)
    texts = payload(count)
    cpu, started = time.process_time(), time.perf_counter()
    requests = [
        Request("decompose", "test-model", ({"role": "user", "content": text},), {"max_tokens": 512}) for text in texts
    ]
    answered = run_requests(requests, settings, folder / "journal.sqlite", label="bench")
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    assert sum(response.ok for response in answered.values()) == count
    return {
        "requests": count,
        "wall_s": wall_s,
        "asking_s": wall_s,
        "cpu_s": cpu_s,
        "memory_mb": {"at 100 %": _peak_mb()},
    }


def measure_generator(url: str, problems: int, in_flight: int, folder: Path) -> dict[str, Any]:
    import openai  # noqa: F401 (its import is nobody's request)

    from dataset_builder.generate.config import GenerateConfig, make_plan
    from dataset_builder.generate.run import generate
    from dataset_builder.sources import load_problems

    write_problems(folder / "problems.jsonl", problems)
    config = GenerateConfig(
        problems=str(folder / "problems.jsonl"), model="test-model", output=str(folder / "run"),
        max_in_flight=in_flight, progress=False, base_url=[url],
    )  # fmt: skip
    plan = make_plan(config)
    loaded = load_problems(config.problems, "train", None)
    watch = MemoryWatch(folder / "run" / "journal.sqlite", problems * REQUESTS_PER_PROBLEM)
    cpu, started = time.process_time(), time.perf_counter()
    with watch:
        generate(config, plan, loaded, [url])
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    session = json.loads((folder / "run" / "run.json").read_text())["session"]
    asked = session["requests"]
    assert asked == problems * REQUESTS_PER_PROBLEM, f"{asked} requests"
    opened = time.perf_counter()
    from dataset_builder.llm.journal import Journal

    with Journal(folder / "run") as journal:
        assert len(journal) == asked
    return {
        "requests": asked,
        "wall_s": wall_s,
        "asking_s": wall_s,
        "cpu_s": cpu_s,
        "journal_open_s": time.perf_counter() - opened,
        "memory_mb": watch.marks,
    }


class MemoryWatch:
    """Peak resident memory when 10 % of the requests are in, and at the end. Reads the journal's size from outside."""

    def __init__(self, journal: Path, requests: int) -> None:
        self._journal, self._requests = journal, requests
        self.marks: dict[str, float] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self.marks["at 100 %"] = _peak_mb()

    def _watch(self) -> None:
        import sqlite3

        while not self._end.wait(0.5):
            try:
                with sqlite3.connect(self._journal) as database:
                    (count,) = database.execute("SELECT max(seq) FROM replies").fetchone()
            except sqlite3.Error:
                continue
            if (count or 0) >= self._requests / 10:
                self.marks["at 10 %"] = _peak_mb()
                return


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_gather(url: str, problems: int, in_flight: int, transport: str) -> dict[str, Any]:
    """What a short script does: no journal, no retries, every reply in memory."""
    import openai

    count = problems * REQUESTS_PER_PROBLEM
    texts = payload(count)

    async def run() -> None:
        http = openai.DefaultAioHttpClient() if transport == "aiohttp" else openai.DefaultAsyncHttpxClient()
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client:
            indices = asyncio.Semaphore(in_flight)

            async def ask(index: int) -> str | None:
                async with indices:
                    reply = await client.chat.completions.create(
                        model="test-model",
                        messages=[{"role": "user", "content": texts[index]}],
                        max_tokens=512,
                    )
                return reply.choices[0].message.content

            await asyncio.gather(*map(ask, range(count)))

    cpu, started = time.process_time(), time.perf_counter()
    asyncio.run(run())
    wall_s = time.perf_counter() - started
    return {
        "requests": count,
        "wall_s": wall_s,
        "asking_s": wall_s,
        "cpu_s": time.process_time() - cpu,
        "memory_mb": {"at 100 %": _peak_mb()},
    }


def measure_datatrove(url: str, problems: int, in_flight: int, folder: Path) -> dict[str, Any]:
    """The peer's inference runner, pointed at the same endpoint."""
    from datatrove.data import Document
    from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
    from datatrove.pipeline.writers import JsonlWriter

    count = problems * REQUESTS_PER_PROBLEM

    async def rollout(document: Any, generate: Any) -> Any:
        return await generate({"messages": [{"role": "user", "content": document.text}], "max_tokens": 512})

    config = InferenceConfig(
        server_type="endpoint", model_name_or_path="test-model", endpoint_url=url.removesuffix("/v1"),
        max_concurrent_generations=in_flight, rollouts_per_document=1, metric_interval=3600,
    )  # fmt: skip
    runner = InferenceRunner(
        rollout_fn=rollout, config=config, output_writer=JsonlWriter(str(folder / "datatrove"), compression=None)
    )
    documents = [Document(text=text, id=str(index)) for index, text in enumerate(payload(count))]
    cpu, started = time.process_time(), time.perf_counter()
    runner.run(iter(documents), 0, 1)
    wall_s = time.perf_counter() - started
    return {
        "requests": count,
        "wall_s": wall_s,
        "asking_s": wall_s,
        "cpu_s": time.process_time() - cpu,
        "memory_mb": {"at 100 %": _peak_mb()},
    }


def child(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        if options.row == "ours":
            return measure_ours(options.url, options.problems, options.in_flight, Path(folder))
        if options.row == "generator":
            return measure_generator(options.url, options.problems, options.in_flight, Path(folder))
        if options.row == "datatrove":
            return measure_datatrove(options.url, options.problems, options.in_flight, Path(folder))
        transport = "aiohttp" if options.row == "gather" else "default"
        return measure_gather(options.url, options.problems, options.in_flight, transport)


def measure(row: str, problems: int, in_flight: int, latency_s: float, curator_python: str = "") -> dict[str, Any]:
    """Runs one row in its own process."""
    with serving(latency_s=latency_s) as url:
        command = [sys.executable, str(Path(__file__)), "--row", row, "--url", url]
        command += ["--problems", str(problems), "--in_flight", str(in_flight)]
        if row == "curator":
            script = str(Path(__file__).with_name("curator_row.py"))
            command = [curator_python, script, url, str(problems * REQUESTS_PER_PROBLEM), str(in_flight)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"OPENAI_API_KEY": ""}
        )
    facts: dict[str, Any] = {"row": row, "in_flight": in_flight, "latency_s": latency_s}
    if done.returncode:
        return facts | {"not_run": (done.stderr.strip().splitlines() or ["?"])[-1]}
    facts |= json.loads(done.stdout.splitlines()[-1])
    facts["requests_per_s"] = facts["requests"] / facts["asking_s"]
    facts["cpu_ms_per_request"] = 1000 * facts["cpu_s"] / facts["requests"]
    return facts


def table(rows: list[dict[str, Any]]) -> str:
    lines = [f"{'':<16}{'in flight':>10}{'latency':>9}{'requests':>10}{'req/s':>8}{'CPU ms':>8}  peak MB"]
    for row in rows:
        head = f"{row['row']:<16}{row['in_flight']:>10}{row['latency_s']:>8.1f}s"
        if "not_run" in row:
            lines.append(f"{head}  not run: {row['not_run']}")
            continue
        memory = ", ".join(f"{value:.0f} {when}" for when, value in row["memory_mb"].items())
        lines.append(
            f"{head}{row['requests']:>10,}{row['requests_per_s']:>8.1f}{row['cpu_ms_per_request']:>8.2f}  {memory}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30, help="about how long each row takes at its ideal rate")
    parser.add_argument("--latency_s", type=float, default=0.5)
    parser.add_argument("--full", action="store_true", help="also 112,095 requests, for memory")
    parser.add_argument("--full_latency_s", type=float, default=0.0)
    parser.add_argument("--only", nargs="+", help="rows to run")
    parser.add_argument("--curator_python", default="", help="the interpreter of an environment with curator")
    for name in ("row", "url"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    for name in ("problems", "in_flight"):
        parser.add_argument(f"--{name}", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(child(options)))
        return
    rows = []
    curator = ("curator",) if options.curator_python else ()
    for in_flight, rate in ((64, 64 / options.latency_s), (256, 450.0)):
        problems = max(1, round(options.seconds * rate / REQUESTS_PER_PROBLEM))
        for row in options.only or ("ours", "generator", "gather", "gather-default", "datatrove", *curator):
            rows.append(measure(row, problems, in_flight, options.latency_s, options.curator_python))
            print(table(rows[-1:]).splitlines()[-1], file=sys.stderr)
    if options.full:
        rows.append(measure("generator", FULL_PROBLEMS, 256, options.full_latency_s))
    print(table(rows))
    path = ROOT / "outputs" / "bench" / "generate.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cores": os.cpu_count(), "rows": rows}, indent=2) + "\n")
    print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
