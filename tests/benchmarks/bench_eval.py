"""Times the evaluation harness: `make bench-eval`. Ratios are taken inside one run: machines differ and are busy.

    python -m tests.benchmarks.bench_eval             # all; or: solver, scoring, replay, requests

solver    the transformers solver as a run uses it (journal, batches, KV cache, stop strings) against the same model
          with a KV cache, one prompt at a time: 200 problems, the recipes' tiny backbone
scoring   52 runs of 1,319 problems: verdicts, intervals, McNemar, bootstrap, Holm
replay    52 files of 1,319 published responses (the 26 of SUBQ_DATA twice), one rule and true golds
requests  CPU per API request: a whole grid against the whole generator, the same loopback server, 3,000 requests each
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dataset_builder.core.files import write_json
from dataset_builder.llm.request import Request
from dataset_builder.llm.settings import ServiceSettings
from dataset_builder.schema.records import Problem
from dataset_builder.solving.endpoint import SolverOptions
from dataset_builder.solving.records import CompletionRequest, Decomposition, Reply
from dataset_builder.sources import load_problems
from eval_harness.pipeline.config import EvalConfig
from eval_harness.pipeline.grid import run_grid
from eval_harness.records.predictions import Prediction
from eval_harness.records.verdicts import mean_by_problem
from eval_harness.reproduction.published_files import published_gold, published_responses
from eval_harness.reproduction.rescore import rescore
from eval_harness.reproduction.responses import find_files
from eval_harness.scoring.score import aggregate, score_predictions
from eval_harness.scoring.significance import compare_with_baseline
from eval_harness.systems.decomposers import DecomposerOptions, make_decomposer
from eval_harness.systems.in_process import load_transformers
from eval_harness.systems.solvers import make_solver
from tests.benchmarks.bench_generate import REQUESTS_PER_PROBLEM, measure_ours, write_problems
from tests.support.fake_openai import serving

RUNS, PROBLEMS, PROMPTS, NEW_TOKENS, REQUESTS = 52, 1319, 200, 64, 3000


def bench_solver() -> dict[str, Any]:
    """Seconds of 200 prompts through the solver and one at a time, the same greedy tokens."""
    import torch

    from dataset_builder.micro_gsm.problems import generate_problems
    from dataset_builder.prompts import load_prompt
    from recipes.config.recipe import RecipeConfig
    from recipes.models.tiny import build_tiny_model, build_word_tokenizer

    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    texts = [f"Problem: {problem.problem}\n\nSolution:" for problem in generate_problems("test", PROMPTS, 0)]
    tokenizer = build_word_tokenizer([*texts, load_prompt("cot_few_shot.v1").text], 1000)
    with tempfile.TemporaryDirectory() as folder:
        build_tiny_model(RecipeConfig(), tokenizer).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        options = SolverOptions(ServiceSettings(), Path(folder) / "journal.sqlite", max_new_tokens=NEW_TOKENS)
        questions = [
            CompletionRequest(str(index), "answer", text, ("\nProblem:",)) for index, text in enumerate(texts)
        ]
        solver = make_solver(f"transformers:{folder}", options, [])
        solver.complete([CompletionRequest("warm", "answer", texts[0])])
        batched_s, batched = _timed(lambda: solver.complete(questions))
        alone = load_transformers(folder)
        single_s, single = _timed(lambda: [alone.answer([_alone(text)])[0] for text in texts])
    same = sum(a.text == b.text for a, b in zip(batched, single, strict=True))
    ratio = round(single_s / batched_s, 2)
    return {
        "batch_size": options.batch_size,
        "batched_s": batched_s,
        "single_s": single_s,
        "ratio": ratio,
        "same": same,
    }


def _alone(text: str) -> Request:
    decoding = {"temperature": 0.0, "max_tokens": NEW_TOKENS, "stop": ["\nProblem:"]}
    return Request("answer", "tiny", ({"role": "user", "content": text},), decoding)


def bench_scoring() -> dict[str, Any]:
    """Seconds to judge and compare a table of 52 runs."""
    problems = {f"p{i}": Problem(f"p{i}", f"Problem {i}?", str(i % 97), "bench", "test") for i in range(PROBLEMS)}
    replies = [f"A1: 3+{i}={3 + i} pens.\nA2: So {i} are left.\n\nFinal answer: " for i in range(PROBLEMS)]
    runs = {
        f"run{run}": [
            Prediction(f"p{i}", 0, Decomposition(("Q?",)), Reply(replies[i] + str((i + (i * run) % 7 // 5) % 97)))
            for i in range(PROBLEMS)
        ]
        for run in range(RUNS)
    }

    def score() -> int:
        scored = {name: score_predictions(predictions, problems, "first_marker") for name, predictions in runs.items()}
        for scores in scored.values():
            aggregate(scores)
        return len(
            compare_with_baseline(
                {name: mean_by_problem(scores, correctness=True) for name, scores in scored.items()}, "run0"
            )
        )

    seconds, rows = _timed(score)
    return {"seconds": seconds, "runs": RUNS, "predictions": RUNS * PROBLEMS, "compared_rows": rows}


def bench_replay() -> dict[str, Any]:
    """Seconds to score 52 response files under one rule with true golds."""
    files = find_files(published_responses())
    with tempfile.TemporaryDirectory() as folder:
        for copy in range(2):
            for file in files[: RUNS // 2]:
                target = Path(folder) / f"{copy}{file.parent.name}" / file.name
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(file.read_bytes())
        results = {}
        for rule in ("first_marker", "flexible", "paper_2402"):
            cpu = time.process_time()
            seconds, report = _timed(lambda rule=rule: rescore([Path(folder)], published_gold(), [rule]))
            responses = sum(entry["rules"][rule]["n"] for entry in report["files"])
            cpu_s = round(time.process_time() - cpu, 3)
            results[rule] = {"seconds": seconds, "cpu_s": cpu_s, "responses": responses}
    return results


def bench_requests() -> dict[str, Any]:
    """CPU of this process per request, the server being in another: a grid of ours beside the generator."""
    with serving() as url, tempfile.TemporaryDirectory() as folder:
        generation = measure_ours(url, REQUESTS // REQUESTS_PER_PROBLEM, 64, Path(folder))
        write_problems(Path(folder) / "asked.jsonl", REQUESTS)
        config = EvalConfig(source=str(Path(folder) / "asked.jsonl"), decomposers=["none"], output=f"{folder}/grid")
        options = SolverOptions(ServiceSettings(base_urls=(url,), progress=False), Path(folder) / "eval.sqlite")
        problems = load_problems(config.source, "test", None)
        solver = make_solver("openai:test-model", options, problems)
        decomposer = make_decomposer("none", DecomposerOptions(options.settings, options.journal))
        start = time.process_time()
        seconds, _ = _timed(lambda: run_grid(config, problems, [decomposer], [solver]))
        cpu_s = time.process_time() - start
    generator, harness = 1000 * generation["cpu_s"] / generation["requests"], 1000 * cpu_s / REQUESTS
    return {
        "generator_cpu_ms": round(generator, 2),
        "harness_cpu_ms": round(harness, 2),
        "ratio": round(harness / generator, 2),
        "requests_per_s": round(REQUESTS / seconds),
    }


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return round(time.perf_counter() - start, 3), result


def main() -> int:
    benches = {"solver": bench_solver, "scoring": bench_scoring, "replay": bench_replay, "requests": bench_requests}
    parser = argparse.ArgumentParser(description="Times the evaluation harness.")
    parser.add_argument("what", nargs="*", choices=(*benches, []), help="default: all")
    chosen = parser.parse_args().what or list(benches)
    results = {name: benches[name]() for name in chosen}
    print(json.dumps(results, indent=2))
    output = Path("outputs/bench/eval.json")
    write_json(output, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
