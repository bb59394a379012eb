"""Training speed on this dataset's lengths: ours, a loop that pads everything to the longest row, and TRL's defaults.

    make bench-train                                                # a few minutes on two cores
    python -m tests.benchmarks.bench_train --updates 3 --threads 2

All three learn the very same rows once, in float32 on the CPU (or in bfloat16 where there is a GPU), at the same
effective batch of 32, from the same weights: a Llama of 15 million weights with a vocabulary of 32,000. Lengths are
those of the published test sub-questions (SUBQ_DATA), else of MicroGSM. Rates are trained tokens, those that carry
loss, a second; the ratios of one run are what counts. Written to outputs/bench/train.json.

    padded      a plain loop that pads every row to the longest of the dataset and takes the loss over full logits
    trl         SFTTrainer as it comes: batches of 8, no grouping, gradient checkpointing; bf16 off on a CPU
    ours        methods.sft: rows joined without padding, logits of trained tokens only, no metric nobody reads
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dataset_builder.core.files import write_json
from dataset_builder.text.parsing import parse_sub_questions
from dataset_builder.text.student_format import format_student_completion, format_student_prompt
from recipes.config.recipe import RecipeConfig
from recipes.data.tokenize import NO_LOSS, build_token_rows
from tests.benchmarks.cloning import cloning_seconds

BATCH = 32
WORDS = 32000
SHAPE = {"hidden_size": 288, "intermediate_size": 768, "num_hidden_layers": 6, "num_attention_heads": 6}


def decompositions() -> tuple[list[tuple[str, list[str]]], str]:
    """((problem, sub-questions) pairs, where they come from)."""
    path = Path(os.environ.get("SUBQ_DATA", "")) / "gsm8k_ai_subq" / "qg_test_data_raw.jsonl"
    if path.is_file():
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        read = [(row["problem"], parse_sub_questions(row["questions"][0])) for row in rows]
        pairs = [(problem, list(result)) for problem, result in read if isinstance(result, tuple)]
        return pairs, "published test sub-questions"
    from dataset_builder.micro_gsm.problems import generate_problems

    problems = generate_problems("train", 1000, seed=0)
    return [(item.problem, list(item.reference_sub_questions)) for item in problems], "MicroGSM"


def texts() -> tuple[dict[str, list[str]], str]:
    """(prompt and completion columns, where they come from)."""
    pairs, source = decompositions()
    columns = {
        "prompt": [format_student_prompt(problem) for problem, _ in pairs],
        "completion": [format_student_completion(questions) for _, questions in pairs],
    }
    return columns, source


def byte_pair_tokenizer(columns: dict[str, list[str]]) -> Any:
    """A byte-level BPE of these texts, as GPT-2's is of its own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=8192, special_tokens=["<pad>", "<|endoftext|>"], show_progress=False)
    tokenizer.train_from_iterator(columns["prompt"] + columns["completion"], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<|endoftext|>")


def new_model() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=WORDS, max_position_embeddings=1024, **SHAPE))
    return model.to("cuda") if torch.cuda.is_available() else model


def padded_seconds(model: Any, rows: list[dict[str, Any]], longest: int, pad: int) -> float:
    """A plain loop over rows padded to `longest`; trains `model` in place."""
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    batches = []
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        fill = [longest - len(row["input_ids"]) for row in some]
        columns = {
            "input_ids": [row["input_ids"] + [pad] * more for row, more in zip(some, fill, strict=True)],
            "labels": [row["labels"] + [NO_LOSS] * more for row, more in zip(some, fill, strict=True)],
            "attention_mask": [[1] * len(row["input_ids"]) + [0] * more for row, more in zip(some, fill, strict=True)],
        }
        batches.append({name: torch.tensor(values, device=model.device) for name, values in columns.items()})
    cast = torch.autocast("cuda", torch.bfloat16, enabled=torch.cuda.is_available())
    started = time.monotonic()
    for batch in batches:
        with cast:
            loss = model(**batch, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return time.monotonic() - started


def trl_seconds(columns: dict[str, list[str]], tokenizer: Any) -> float:
    """TRL's SFTTrainer with its own defaults."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    with tempfile.TemporaryDirectory() as folder:
        options = SFTConfig(
            output_dir=folder,
            max_steps=len(columns["prompt"]) // BATCH,
            gradient_accumulation_steps=BATCH // 8,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            bf16=torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
        )
        data = Dataset.from_dict(columns)
        trainer = SFTTrainer(new_model(), options, train_dataset=data, processing_class=copy.deepcopy(tokenizer))
        started = time.monotonic()
        trainer.train()
        return time.monotonic() - started


def our_seconds(rows: list[dict[str, Any]], tokenizer: Any) -> float:
    """The trainer of `recipes.methods.sft`, as a recipe runs it."""
    with tempfile.TemporaryDirectory() as folder:
        config = RecipeConfig(
            backbone="bench",
            output_dir=folder,
            max_length=1024,
            max_steps=len(rows) // BATCH,
            effective_batch_size=BATCH,  # on a CPU, and on any card for a model of this size, the micro-batch, too
            report_to="none",
            save_steps=10**6,
        )
        return cloning_seconds(config, new_model(), tokenizer, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3, help="rounds over all ways; the middle time of each counts")
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    columns, source = texts()
    tokenizer = byte_pair_tokenizer(columns)
    everything = build_token_rows(columns, tokenizer)
    lengths = [row["length"] for row in everything]
    picked = torch.randperm(len(everything), generator=torch.Generator().manual_seed(0))[: options.updates * BATCH]
    rows = [everything[index] for index in picked.tolist()]
    some = {name: [values[index] for index in picked.tolist()] for name, values in columns.items()}
    tokens = sum(label != NO_LOSS for row in rows for label in row["labels"])
    ways: dict[str, Callable[[], float]] = {
        "padded": lambda: padded_seconds(new_model(), rows, max(lengths), tokenizer.pad_token_id),
        "trl": lambda: trl_seconds(some, tokenizer),
        "ours": lambda: our_seconds(rows, tokenizer),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(options.repeats):
        for way, run in ways.items():
            seconds[way].append(run())
    rates = {way: tokens / statistics.median(values) for way, values in seconds.items()}
    print(f"{len(rows)} rows, {tokens} trained tokens; lengths: mean {statistics.mean(lengths):.0f}, "
          f"longest {max(lengths)} ({source})")  # fmt: skip
    for way, rate in rates.items():
        print(f"{way:8} {rate:9.0f} trained tokens/s   {rate / rates['padded']:.2f} x padded   "
              f"{rate / rates['trl']:.2f} x trl")  # fmt: skip
    path = Path("outputs/bench/train.json")
    result = {"source": source, "trained_tokens": tokens, "seconds": seconds, "trained_tokens_per_second": rates}
    write_json(path, result)


if __name__ == "__main__":
    main()
