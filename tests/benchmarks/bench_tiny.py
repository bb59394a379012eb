"""Updates per second of the tiny backbone: the model alone, and through `recipes.train`, so that overhead shows.

    python -m tests.benchmarks.bench_tiny --updates 30 --threads 2

Reads nothing; trains on MicroGSM reference decompositions and prints one line per way. No number here is asserted.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.text.student_format import format_student_completion, format_student_prompt
from recipes.config.recipe import RecipeConfig
from recipes.data.tokenize import build_token_rows
from recipes.models.tiny import build_tiny_model, build_word_tokenizer
from tests.benchmarks.cloning import cloning_seconds


def bare_seconds(model: Any, batches: list[dict[str, Any]]) -> float:
    """Seconds of forward, backward and AdamW over `batches`, without any trainer."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    started = time.perf_counter()
    for batch in batches:
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return time.perf_counter() - started


def main() -> None:
    import tempfile

    import torch
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=30)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    problems = generate_problems("train", options.updates * options.batch, seed=0)
    columns = {
        "prompt": [format_student_prompt(problem.problem) for problem in problems],
        "completion": [format_student_completion(problem.reference_sub_questions) for problem in problems],
    }
    tokenizer = build_word_tokenizer(columns["prompt"] + columns["completion"], 4096)
    rows = build_token_rows(columns, tokenizer)
    collate = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id)
    batches = [
        collate([{key: row[key] for key in ("input_ids", "labels")} for row in rows[start : start + options.batch]])
        for start in range(0, len(rows), options.batch)
    ]
    with tempfile.TemporaryDirectory() as folder:
        config = RecipeConfig(
            output_dir=folder,
            max_steps=options.updates,
            effective_batch_size=options.batch,
            save_steps=10 * options.updates,
        )
        ways = {
            "model alone": bare_seconds(build_tiny_model(config, tokenizer), batches),
            "recipes.train": cloning_seconds(config, build_tiny_model(config, tokenizer), tokenizer, rows),
        }
    tokens = sum(row["length"] for row in rows)
    for way, seconds in ways.items():
        print(f"{way:14} {options.updates / seconds:6.2f} updates/s {tokens / seconds:9.0f} tokens/s")


if __name__ == "__main__":
    main()
