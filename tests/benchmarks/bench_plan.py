"""The plan against measurement: peak memory of real training on a CPU, beside what `recipes.planning` says.

    python -m tests.benchmarks.bench_plan                # all cases, about two minutes on two cores
    python -m tests.benchmarks.bench_plan --case gpt2_full

Each case is a model of a true family and shape (some layers only) with random weights, trained two updates in a
process of its own through the trainer that recipes use; the peak is that process's largest private memory, less what
it held before the model, with an allocator that gives back what is freed. Written to outputs/bench/plan.json.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from dataset_builder.core.files import write_json
from recipes.config.recipe import RecipeConfig
from recipes.models.types import NO_LOSS
from recipes.planning.memory import CPU_PROCESS, GIB, estimate_memory
from recipes.planning.shapes import Shape, shape_from_config
from tests.benchmarks.cloning import cloning_seconds

CASES: dict[str, dict[str, Any]] = {
    "distilgpt2_full": {"model": "gpt2", "n_layer": 6, "adapter": "full", "rows": 8, "tokens": 256},
    "gpt2_full": {"model": "gpt2", "n_layer": 12, "adapter": "full", "rows": 4, "tokens": 256},
    "gpt2_lora": {"model": "gpt2", "n_layer": 12, "adapter": "lora", "rows": 8, "tokens": 256},
    "llama_1b_4_layers_lora": {"model": "llama", "layers": 4, "adapter": "lora", "rows": 8, "tokens": 256},
    "llama_1b_8_layers_lora_checkpointed": {
        "model": "llama", "layers": 8, "adapter": "lora", "rows": 8, "tokens": 256, "checkpointing": True,
    },
    "llama_1b_4_layers_qlora": {"model": "llama", "layers": 4, "adapter": "qlora", "rows": 8, "tokens": 256},
    "qwen3_06b_8_layers_full": {"model": "qwen3", "layers": 8, "adapter": "full", "rows": 4, "tokens": 256},
}  # fmt: skip
VOCABULARY = 16384


def model_config(case: dict[str, Any]) -> Any:
    """The `transformers` configuration of a case: the family's true widths, fewer words and layers."""
    from transformers import GPT2Config, LlamaConfig, Qwen3Config

    if case["model"] == "gpt2":
        return GPT2Config(vocab_size=VOCABULARY, n_layer=case["n_layer"], attn_pdrop=0.0)
    common = {"vocab_size": VOCABULARY, "num_hidden_layers": case["layers"], "num_key_value_heads": 8}
    if case["model"] == "llama":
        size = {"hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 32, "head_dim": 64}
        return LlamaConfig(**common, **size, tie_word_embeddings=True)
    size = {"hidden_size": 1024, "intermediate_size": 3072, "num_attention_heads": 16, "head_dim": 128}
    return Qwen3Config(**common, **size, tie_word_embeddings=True)


def recipe(case: dict[str, Any], folder: str = "") -> RecipeConfig:
    """The recipe of a case."""
    return RecipeConfig(
        backbone=folder or "bench",
        adapter=case["adapter"],
        output_dir=f"{folder}/out",
        max_length=case["tokens"],
        max_steps=2,
        effective_batch_size=case["rows"],
        micro_batch_size=case["rows"],
        gradient_checkpointing=case.get("checkpointing", False),
        optimizer="adamw_torch",
        report_to="none",
        save_steps=100,
    )


def estimated_bytes(case: dict[str, Any]) -> float:
    """What the plan says, without the process itself."""
    shape: Shape = shape_from_config(model_config(case))
    return estimate_memory(recipe(case), shape, case["rows"] * case["tokens"], on_gpu=False).total - CPU_PROCESS


class PeakOfPrivateMemory(threading.Thread):
    """Watches how far this process's private memory rises above where it stood."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.before = self.peak = private_bytes()
        self.over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.over.wait(0.002):
            self.peak = max(self.peak, private_bytes())

    def stop(self) -> int:
        self.over.set()
        return self.peak - self.before


def private_bytes() -> int:
    """Resident memory of this process that no file backs (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def measure(name: str) -> float:
    """Bytes that a case took at its peak, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_plan", "--measure", name]
    # glibc would keep freed blocks of up to 32 MiB, and files read through the page cache would count as resident
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout.strip().splitlines()[-1])


def measure_here(name: str) -> float:
    """The same in this process."""
    import tempfile

    import torch
    from transformers import AutoModelForCausalLM

    from recipes.models.load import load_backbone
    from recipes.models.tiny import build_word_tokenizer
    from recipes.models.trainable import add_lora

    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        if case["adapter"] == "qlora":
            AutoModelForCausalLM.from_config(model_config(case)).save_pretrained(folder)
        config = recipe(case, folder)
        tokenizer = build_word_tokenizer(["a"], 10)
        ids = torch.randint(3, VOCABULARY, (2 * case["rows"], case["tokens"])).tolist()
        rows = [{"input_ids": row, "labels": [NO_LOSS, *row[1:]], "length": len(row)} for row in ids]
        torch.nn.Linear(8, 8)(torch.ones(1, 8)).sum().backward()
        peak = PeakOfPrivateMemory()
        if case["adapter"] == "qlora":
            model = load_backbone(folder, dtype=torch.float32, four_bit=True)
        else:
            model = AutoModelForCausalLM.from_config(model_config(case))
        if case["adapter"] != "full":
            model = add_lora(model, config)
        cloning_seconds(config, model, tokenizer, rows)
    return peak.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=CASES, nargs="*", default=list(CASES))
    parser.add_argument("--measure", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(measure_here(options.measure))
        return
    result = {}
    print(f"{'case':38} {'measured':>9} {'planned':>9}  planned / measured")
    for name in options.case:
        measured, planned = measure(name) / GIB, estimated_bytes(CASES[name]) / GIB
        result[name] = {"measured_gib": measured, "planned_gib": planned, "ratio": planned / measured}
        print(f"{name:38} {measured:6.2f} GiB {planned:5.2f} GiB  {planned / measured:.2f}", flush=True)
    path = Path("outputs/bench/plan.json")
    write_json(path, result)


if __name__ == "__main__":
    main()
