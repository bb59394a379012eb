"""Times the evaluation harness; ratios are taken inside one run, because machines differ and are busy.

    python -m tests.benchmarks.bench_eval             # all; or: solver, scoring, replay

solver    batched decoding with KV cache and stop strings against one prompt at a time, 200 problems, tiny model
scoring   52 runs of 1,319 problems: verdicts, intervals, McNemar, bootstrap, Holm
replay    52 files of 1,319 published responses (the 26 of SUBQ_DATA twice), one rule and true golds
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

from dataset_builder.llm.request import Request
from dataset_builder.schema import Problem
from eval_harness.predictions import Decomposition, Prediction, Reply
from eval_harness.replay import published_gold, published_responses, replay
from eval_harness.responses import find_files
from eval_harness.score import aggregate, mean_by_problem, score_predictions
from eval_harness.significance import compare

RUNS, PROBLEMS, PROMPTS = 52, 1319, 200


def bench_solver() -> dict[str, Any]:
    """Seconds of 200 prompts in batches of 50 and one at a time, the same greedy tokens."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from dataset_builder.micro_gsm.problems import generate_problems
    from dataset_builder.prompts import load_prompt
    from eval_harness.local_models import TransformersModel
    from recipes.tiny_backbone import build_word_tokenizer

    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    texts = [f"Problem: {problem.problem}\n\nSolution:" for problem in generate_problems("test", PROMPTS, 0)]
    tokenizer = build_word_tokenizer([*texts, load_prompt("cot_few_shot.v1").text], 1000)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=384, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=1024,
        bos_token_id=None, eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    model = TransformersModel(LlamaForCausalLM(config).eval(), tokenizer)
    decoding = {"temperature": 0.0, "max_tokens": 64, "stop": ["\nProblem:"]}
    requests = [Request("answer", "tiny", ({"role": "user", "content": text},), decoding) for text in texts]
    requests.sort(key=lambda request: -len(request.messages[0]["content"]))
    model.answer(requests[:2])
    batched_s, batched = _timed(lambda: [r for i in range(0, PROMPTS, 50) for r in model.answer(requests[i : i + 50])])
    single_s, single = _timed(lambda: [model.answer([request])[0] for request in requests])
    same = sum(a.text == b.text for a, b in zip(batched, single, strict=True))
    return {"batched_s": batched_s, "single_s": single_s, "ratio": single_s / batched_s, "same_texts": same}


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
            compare({name: mean_by_problem(scores, correctness=True) for name, scores in scored.items()}, "run0")
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
            seconds, report = _timed(lambda rule=rule: replay([Path(folder)], published_gold(), [rule]))
            results[rule] = {"seconds": seconds, "responses": sum(e["rules"][rule]["n"] for e in report["files"])}
    return results


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return round(time.perf_counter() - start, 3), result


def main() -> int:
    benches = {"solver": bench_solver, "scoring": bench_scoring, "replay": bench_replay}
    parser = argparse.ArgumentParser(description="Times the evaluation harness.")
    parser.add_argument("what", nargs="*", choices=(*benches, []), help="default: all")
    chosen = parser.parse_args().what or list(benches)
    found = {name: benches[name]() for name in chosen}
    print(json.dumps(found, indent=2))
    output = Path("outputs/bench/eval.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
