"""The runs of the GPU benchmark, each in a process of its own: what it takes, and how fast it is.

A result is one JSON file, {"stage", "seconds", ...}: fields that a run has no measure of are absent. `in_use_gib` is
the most that the card held, whoever held it; `read_tokens_per_second` leaves the first update out, which warms up.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from dataset_builder.core.energy import Energy
from tests.benchmarks.gpu.inputs import Bench, make_inputs

GIB = 2**30
UPDATES = 4
CONTEXT_GIB = 0.5
"""Of a card, beside what torch allocates."""
Result = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """One run."""

    label: str
    """For the table."""
    run: Callable[[Bench], Result]
    """Measures it, in a process of its own."""
    cap_gib: float = 0
    """Memory that torch may take; 0: all of it."""
    needs: str = ""
    """The stage whose checkpoint it starts from."""


def measure_stage(stage: Stage, bench: Bench) -> Result:
    """What a stage's run measures, with the memory and energy it took."""
    import torch

    on_gpu = torch.cuda.is_available()
    if on_gpu and stage.cap_gib:
        total = torch.cuda.get_device_properties(0).total_memory / GIB
        torch.cuda.set_per_process_memory_fraction(min(1.0, (stage.cap_gib - CONTEXT_GIB) / total))
    started = time.monotonic()
    with _most_in_use() as in_use:
        result = stage.run(bench)
    if on_gpu:
        result |= {"in_use_gib": round(in_use() / GIB, 2), "allocated_gib": _gib(torch.cuda.max_memory_allocated())}
    return result | {"seconds": round(time.monotonic() - started, 1)}


@contextmanager
def _most_in_use() -> Any:
    """Watches how much of the card is in use, by whomever."""
    import torch

    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            free, total = torch.cuda.mem_get_info()
            most[0] = max(most[0], total - free)

    thread = threading.Thread(target=watch, daemon=True)
    if torch.cuda.is_available():
        torch.cuda.init()
        thread.start()
    try:
        yield lambda: most[0]
    finally:
        over.set()


def peak(bench: Bench) -> Result:
    """TFLOP/s of a bf16 matrix product: what shares of the peak are of."""
    import torch

    side, device = (256, "cpu") if bench.tiny else (8192, "cuda" if torch.cuda.is_available() else "cpu")
    a, b = (torch.randn(side, side, dtype=torch.bfloat16, device=device) for _ in range(2))
    times = []
    for _ in range(20):
        _wait()
        started = time.perf_counter()
        a @ b
        _wait()
        times.append(time.perf_counter() - started)
    return {"tflops": round(2 * side**3 / min(times) / 1e12, 4)}


def recipe_run(name: str, out: str, *, rows: int = 128, gpu: str = "", **changes: Any) -> Callable[[Bench], Result]:
    """A stage that trains a recipe for a few updates.

    Args:
        name: of the recipe, backbone aside: "bc_qlora".
        out: the stage's name, under which the checkpoint stays.
        rows: of an update.
        gpu: what it is planned for; empty: the one that is here.
        changes: further keys.
    """

    def run(bench: Bench) -> Result:
        from dataset_builder.core.config import build_config
        from recipes.config.compose import Names, compose
        from recipes.config.recipe import RecipeConfig
        from recipes.train import run_recipe

        family = changes.get("backbone", "mistral-7b")
        method, _, adapter = name.rpartition("_")
        own: dict[str, Any] = {key: value for key, value in changes.items() if key != "backbone"}
        if "init_from" in own:
            own["init_from"] = str(bench.folder / "work" / own["init_from"])
        output = bench.folder / "work" / out
        shutil.rmtree(output, ignore_errors=True)
        config = replace(
            build_config(RecipeConfig, compose(Names(family, method, adapter))),
            backbone=str(bench.gpt2 if family == "gpt2" else bench.mistral),
            dataset=str(bench.dataset),
            output_dir=str(output),
            max_steps=UPDATES,
            effective_batch_size=bench.per_update(rows),
            validation_examples=0,
            choose_by="last",
            report_to="none",
            save_steps=10**6,
            needs_gpu=not bench.tiny,
            gpu=gpu,
            resume=False,
            **own,
        )
        with _timed_updates() as updates:
            run_recipe(config)
        return _of_record(output, updates) | {"parameters": _parameters(bench, family)}

    return run


@contextmanager
def _timed_updates() -> Any:
    """[(when an update began, tokens read before it)]; one more entry when the run ended."""
    from recipes.training.callbacks import Tally
    from recipes.training.packed import PackedTrainer

    step, end = PackedTrainer.training_step, Tally.on_train_end
    marks: list[tuple[float, int]] = []

    def mark(tally: Any) -> None:
        _wait()
        marks.append((time.perf_counter(), int(tally.read_tokens)))

    def timed(self: Any, *args: Any, **kwargs: Any) -> Any:
        mark(self.tally)
        return step(self, *args, **kwargs)

    def ended(self: Any, *args: Any, **kwargs: Any) -> None:
        mark(self)
        end(self, *args, **kwargs)

    PackedTrainer.training_step, Tally.on_train_end = timed, ended  # type: ignore[method-assign]
    try:
        yield marks
    finally:
        PackedTrainer.training_step, Tally.on_train_end = step, end  # type: ignore[method-assign]


def _parameters(bench: Bench, family: str) -> int:
    """Weights of a backbone; 4 bit would hide half of them."""
    made = json.loads((bench.folder / "inputs.json").read_text(encoding="utf-8"))
    return int(made["parameters"][family.partition("-")[0]])


def _of_record(output: Path, marks: list[tuple[float, int]]) -> Result:
    from recipes.training.record import read_train_record

    record = read_train_record(output)
    spans = [(later[0] - sooner[0], later[1] - sooner[1]) for sooner, later in pairwise(marks)][1:]
    seconds, tokens = sum(span for span, _ in spans), sum(read for _, read in spans)
    result = {
        "update_s": round(seconds / len(spans), 3),
        "read_tokens_per_second": round(tokens / seconds, 1),
        "planned_gib": record.plan.get("memory_gib"),
        "plan": record.plan,
        "moving_parameters": record.trainable_parameters,
        "adapter": record.adapter,
        "loss": record.train_loss,
    }
    if record.energy_joules is not None:
        result["joules_per_1000_tokens"] = round(record.energy_joules / record.read_tokens * 1000, 1)
    return result


def trl_qlora(bench: Bench) -> Result:
    """TRL's SFTTrainer with its own defaults on the same rows: QLoRA, 8 rows a micro-batch."""
    import torch
    from datasets import load_dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from recipes.models.load import load_backbone, load_tokenizer

    batch = bench.per_update(8)
    updates, accumulation = 2, bench.per_update(16)
    files = str(bench.dataset / "data" / "prompt_completion" / "*.parquet")
    rows = load_dataset("parquet", data_files=files, split="train").select_columns(["prompt", "completion"])
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    model, tokenizer = (
        load_backbone(str(bench.mistral), dtype=dtype, four_bit=True),
        load_tokenizer(str(bench.mistral)),
    )
    clock = _update_clock()
    arguments = SFTConfig(
        output_dir=str(bench.folder / "work" / "trl"),
        max_steps=updates,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
        optim="paged_adamw_8bit",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        bf16=torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    adapter = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = SFTTrainer(
        model, arguments, train_dataset=rows, processing_class=tokenizer, peft_config=adapter, callbacks=[clock]
    )
    with Energy() as energy:
        trainer.train()
    lengths = [len(tokenizer(row["prompt"] + row["completion"]).input_ids) + 1 for row in rows]
    mean = sum(lengths) / len(lengths) * batch * accumulation
    second = clock.marks[-1][1] - clock.marks[-1][0]
    result = {"update_s": round(second, 3), "read_tokens_per_second": round(mean / second, 1), "adapter": "qlora"}
    result |= {"parameters": _parameters(bench, "mistral")}
    if energy.watt_hours is not None:
        result["joules_per_1000_tokens"] = round(energy.watt_hours * 3600 / (updates * mean) * 1000, 1)
    return result


def _update_clock() -> Any:
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.marks: list[list[float]] = []

        def on_step_begin(self, *_: object, **__: object) -> None:
            _wait()
            self.marks.append([time.perf_counter()])

        def on_step_end(self, *_: object, **__: object) -> None:
            _wait()
            self.marks[-1].append(time.perf_counter())

    return Clock()


def padded_gpt2(bench: Bench) -> Result:
    """GPT-2 small in a loop that pads every row to the longest, as paper A's code does, 32 rows an update."""
    import torch
    from transformers import AutoModelForCausalLM

    from recipes.data.tokenize import build_token_rows
    from recipes.models.load import load_tokenizer
    from tests.benchmarks import bench_train

    tokenizer = load_tokenizer(str(bench.gpt2))
    columns, _ = bench_train.texts()
    everything = build_token_rows(columns, tokenizer)
    rows = everything[: 2 * bench_train.BATCH if not bench.tiny else 4]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    longest = max(row["length"] for row in (rows if bench.tiny else everything))
    seconds = []
    with Energy() as energy:
        for _ in range(2):  # the first warms up
            model = AutoModelForCausalLM.from_pretrained(bench.gpt2, dtype=torch.float32).to(device)
            seconds.append(bench_train.padded_seconds(model, rows, longest, tokenizer.pad_token_id or 0))
    tokens, updates = sum(row["length"] for row in rows), -(-len(rows) // bench_train.BATCH)
    result = {"update_s": round(seconds[-1] / updates, 3), "read_tokens_per_second": round(tokens / seconds[-1], 1)}
    result |= {"parameters": _parameters(bench, "gpt2"), "adapter": "full"}
    if energy.watt_hours is not None:
        result["joules_per_1000_tokens"] = round(energy.watt_hours * 3600 / (2 * tokens) * 1000, 1)
    return result


def decoding(*, four_bit: bool) -> Callable[[Bench], Result]:
    """Greedy replies of a fixed length from the QLoRA adapter that an earlier stage has left, 64 prompts at once."""

    def run(bench: Bench) -> Result:
        from recipes.modeling import load_policy

        prompts = _prompts(bench)
        new = 4 if bench.tiny else 100
        policy = load_policy(bench.folder / "work" / "qlora_8gib", four_bit=four_bit)
        policy.complete(prompts[:2], max_new_tokens=2)
        with Energy() as energy:
            _wait()
            started = time.perf_counter()
            replies = policy.complete(prompts, max_new_tokens=new, batch_size=64)
            _wait()
            seconds = time.perf_counter() - started
        written = sum(len(policy.tokenizer(reply).input_ids) for reply in replies)
        result = {"written_tokens_per_second": round(written / seconds, 1)}
        if energy.watt_hours is not None:
            result["joules_per_1000_tokens"] = round(energy.watt_hours * 3600 / max(1, written) * 1000, 1)
        return result

    return run


def _prompts(bench: Bench) -> list[str]:
    from datasets import load_dataset

    files = str(bench.dataset / "data" / "prompt_completion" / "*.parquet")
    rows = load_dataset("parquet", data_files=files, split="train")
    return list(rows["prompt"][: 4 if bench.tiny else 64])


def _wait() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _gib(count: int) -> float:
    return round(count / GIB, 2)


STAGES: dict[str, Stage] = {
    "inputs": Stage("weights, tokenizer and rows", make_inputs),
    "peak": Stage("bf16 matrix product", peak),
    "qlora_8gib": Stage("Mistral-7B QLoRA", recipe_run("bc_qlora", "qlora_8gib", gpu="8gb"), 8),
    "trl_qlora": Stage("TRL's defaults, the same QLoRA", trl_qlora),
    "qlora_24gib": Stage("Mistral-7B QLoRA", recipe_run("bc_qlora", "qlora_24gib", gpu="24gb"), 24),
    "qlora_24gib_joined": Stage(
        "the same, rows joined", recipe_run("bc_qlora", "qlora_24gib_joined", gpu="24gb", padding_free="on"), 24
    ),
    "lora_24gib": Stage("Mistral-7B LoRA", recipe_run("bc_lora", "lora_24gib", gpu="24gb"), 24),
    "lora": Stage("Mistral-7B LoRA, uncapped", recipe_run("bc_lora", "lora")),
    "lora_joined_compiled": Stage(
        "the same, rows joined, compiled",
        recipe_run("bc_lora", "lora_joined_compiled", padding_free="on", compile=True),
    ),
    "ilql_24gib": Stage(
        "Mistral-7B ILQL QLoRA, 64 rows",
        recipe_run("ilql_full_qlora", "ilql_24gib", rows=64, gpu="24gb", init_from="qlora_8gib"),
        24,
        needs="qlora_8gib",
    ),
    "decoding_4bit": Stage("decoding in 4 bit, 64 at once", decoding(four_bit=True), needs="qlora_8gib"),
    "decoding_bf16": Stage("decoding in bf16, 64 at once", decoding(four_bit=False), needs="qlora_8gib"),
    "gpt2": Stage("GPT-2 small, 32 rows", recipe_run("bc_full", "gpt2_bc", rows=32, backbone="gpt2")),
    "gpt2_padded": Stage("the same as paper A has it: padded to the longest", padded_gpt2),
}
"""In the order they run; later ones use what earlier ones leave."""
