"""Ours beside the code published with arXiv 2402.01812, in one run on a CPU: ILQL, its decoding, and cloning.

    git clone https://github.com/DT6A/GSM8K-AI-SubQ
    python -m tests.benchmarks.bench_published --code GSM8K-AI-SubQ [--layers 4 --hidden 256 --rows 8 --threads 1]

Same rows (the published test sub-questions), tokenizer, random weights of a GPT-2 around its vocabulary of 50,257, and
batches as published: 4 rows for ILQL, 8 for cloning, padded to the longest row of all by theirs. Their loops run as
they stand (`published_code`), ours through the recipes' trainers. Each measurement is a process of its own, in turns;
the CPU's seconds of the fastest update count, as others
may be busy on the machine. *Peak* is the process's, above what its imports took. Writes outputs/bench/published.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dataset_builder.core.files import write_json
from dataset_builder.core.markdown import draw_table
from recipes.config.recipe import RecipeConfig

BATCH = {"ilql": 4, "cloning": 8}
TASKS = ("ilql", "cloning", "decoding")
WORDS = 50257
NEW_TOKENS = 200


def problems(repository: Path) -> list[dict[str, Any]]:
    """Question, answers and rewards of each published test set."""
    text = (repository / "dataset" / "qg_test_dataset.jsonl").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text.splitlines()[0])
    return [row for row in rows if row["answers"]]


def columns_of(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The columns that both trainers of ours read."""
    from dataset_builder.text.student_format import format_student_completion, format_student_prompt

    return {
        "prompt": [format_student_prompt(row["question"]) for row in rows],
        "completion": [format_student_completion(row["answers"]) for row in rows],
        "steps": [row["answers"] for row in rows],
        "step_rewards": [[0.0] * len(row["answers"]) for row in rows],
        "final_reward": [row["rewards"]["answer_correctness"] for row in rows],
    }


def new_model(options: argparse.Namespace) -> Any:
    """A GPT-2 of the asked shape; the same weights each time."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    shape = {"n_layer": options.layers, "n_embd": options.hidden, "n_head": max(1, options.hidden // 64)}
    return GPT2LMHeadModel(GPT2Config(vocab_size=WORDS, bos_token_id=None, eos_token_id=None, **shape))


def measure_published(options: argparse.Namespace, rows: list[dict[str, Any]], tokenizer: Any) -> list[float]:
    from tests.benchmarks.published_code import published_decoding, published_seconds

    if options.task == "decoding":
        prompts, longest = prompts_of(rows, tokenizer, options)
        return [published_decoding(options.code, new_model(options), new_model(options), prompts, longest)]
    batch = BATCH[options.task]
    tokenizer.model_max_length = 1024
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "qg_train_dataset.jsonl"
        path.write_text(json.dumps(rows), encoding="utf-8")
        return published_seconds(
            options.task, options.code, new_model(options), tokenizer, Path(folder),
            batch=batch, batches=options.rows // batch, updates=options.updates,
        )  # fmt: skip


def measure_ours(options: argparse.Namespace, rows: list[dict[str, Any]], tokenizer: Any) -> list[float]:
    from recipes.data.load import TrainingData
    from recipes.data.tokenize import build_token_rows
    from recipes.methods.ilql.method import Ilql
    from recipes.methods.ilql.trajectories import build_trajectory_rows
    from recipes.methods.sft import Cloning
    from recipes.training.fit import build_trainer

    if options.task == "decoding":
        return [our_decoding(options, rows, tokenizer)]
    columns = columns_of(rows)
    with tempfile.TemporaryDirectory() as folder:
        model, start = new_model(options), Path(folder) / "start"
        model.save_pretrained(start)
        config = RecipeConfig(
            method="ilql_sparse" if options.task == "ilql" else "bc", backbone="gpt2", init_from=str(start),
            output_dir=f"{folder}/out", max_length=1024, max_steps=options.updates, report_to="none",
            effective_batch_size=options.rows, micro_batch_size=BATCH[options.task], max_grad_norm=0.0,
            save_steps=10**6, save_minutes=0, validation_examples=0,
        )  # fmt: skip
        data = TrainingData(columns, {}, 0, {})
        if options.task == "ilql":
            method, examples = Ilql(config, data), build_trajectory_rows(columns, tokenizer, "ilql_sparse")
        else:
            method, examples = Cloning(config, data), build_token_rows(columns, tokenizer)
        trainer, marks = build_trainer(method, model, tokenizer, examples), list[float]()
        trainer.add_callback(stopwatch(marks))
        trainer.train()
    return [end - start for start, end in itertools.pairwise(marks)]


def stopwatch(marks: list[float]) -> Any:
    """A callback that notes when training begins and when each update has ended."""
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):
        def on_train_begin(self, *_: object, **__: object) -> None:
            marks.append(time.process_time())

        on_step_end = on_train_begin

    return Stopwatch()


def our_decoding(options: argparse.Namespace, rows: list[dict[str, Any]], tokenizer: Any) -> float:
    """Seconds of as many tokens as their longest reply, for every row."""
    import torch

    from recipes.methods.ilql.guided_policy import GuidedModel
    from recipes.methods.ilql.heads import ValueHeads
    from recipes.methods.ilql.settings import Decoding
    from recipes.models.decoding import decode_batch

    prompts, longest = prompts_of(rows, tokenizer, options)
    policy, trunk = new_model(options), new_model(options)
    heads = ValueHeads(options.hidden, WORDS)
    for head in (heads.v, *heads.q):
        torch.nn.init.normal_(head.out.weight, std=0.02)
    model: Any = GuidedModel(policy, trunk, heads, Decoding()).eval()
    started = time.process_time()
    done = decode_batch(model, tokenizer, prompts, ends=[WORDS], max_new_tokens=longest - min(map(len, prompts)))
    seconds = time.process_time() - started
    assert all(len(item.ids) == longest - min(map(len, prompts)) for item in done)
    return seconds


def prompts_of(rows: list[dict[str, Any]], tokenizer: Any, options: argparse.Namespace) -> tuple[list[list[int]], int]:
    """(token ids of a batch of prompts, length at which their loop ends)."""
    texts = columns_of(rows[: BATCH["ilql"]])["prompt"]
    prompts = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return prompts, max(map(len, prompts)) + options.tokens


def run_way(task: str, way: str, arguments: list[str]) -> dict[str, Any]:
    """A measurement in a fresh process."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_published", *arguments, "--task", task, "--way", way]
    print(f"{task}, {way} ...", file=sys.stderr, flush=True)
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**18)}  # as bench_ilql: what is freed is given back
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def report(results: dict[str, dict[str, dict[str, Any]]]) -> str:
    """A Markdown table."""
    lines = [
        ("ILQL update, s", "ilql", "seconds"),
        ("ILQL peak memory, MiB", "ilql", "peak_mib"),
        ("guided decoding, s", "decoding", "seconds"),
        ("cloning update, s", "cloning", "seconds"),
        ("cloning peak memory, MiB", "cloning", "peak_mib"),
    ]
    cells = []
    for label, task, figure in lines:
        if task in results:
            theirs, ours = (results[task][way][figure] for way in ("published", "ours"))
            cells.append([label, f"{theirs:,.1f}", f"{ours:,.1f}", f"{ours / theirs:.2f}", f"{theirs / ours:.1f}"])
    return draw_table(["", "published", "ours", "ratio", "times"], cells, right_from=1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=Path, required=True, help="a copy of DT6A/GSM8K-AI-SubQ")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--rows", type=int, default=8, help="of an update")
    parser.add_argument("--updates", type=int, default=3, help="the first, which warms up, does not count")
    parser.add_argument("--tokens", type=int, default=NEW_TOKENS, help="decoded after the longest prompt")
    parser.add_argument("--repeats", type=int, default=2, help="rounds over both ways")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=("published", "ours"), help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of the fastest update (or of the decoding) and the peak above the imports, in this process."""
    import torch
    import trl  # noqa: F401 (so that its memory is not counted)

    from tests.benchmarks.bench_train import byte_pair_tokenizer

    torch.set_num_threads(options.threads)
    rows = problems(options.code)
    tokenizer = byte_pair_tokenizer(columns_of(rows))
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    way = measure_published if options.way == "published" else measure_ours
    seconds = way(options, rows, tokenizer)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
    return {"seconds": min(seconds[1:] or seconds), "peak_mib": round(peak)}


def main() -> None:
    options = parse()
    if options.task:
        print(json.dumps(measure(options)))
        return
    best: dict[str, dict[str, dict[str, Any]]] = {task: {} for task in options.only}
    for _ in range(options.repeats):
        for task in options.only:
            for way in ("published", "ours"):
                new = run_way(task, way, sys.argv[1:])
                old = best[task].get(way, new)
                best[task][way] = {name: min(new[name], old[name]) for name in new}
    write_json(Path("outputs/bench/published.json"), best)
    print(report(best))


if __name__ == "__main__":
    main()
