"""A training record, results records and dataset facts as the stages before write them, small and by hand."""

from __future__ import annotations

from pathlib import Path

from dataset_builder.dataset_folder.layout import KIND
from eval_harness.records.overlap import Overlap, Seen
from eval_harness.records.results import RESULTS_SCHEMA_VERSION, ResultsRecord
from recipes.models.checkpoint import checkpoint_fingerprint
from recipes.training.record import TrainRecord

TRAINING = TrainRecord(
    method="filtered_bc",
    recipe="tiny/filtered_bc_lora",
    recipe_sha256="a" * 64,
    backbone="tiny",
    adapter="lora",
    init_from="outputs/demo/bc",
    dataset={"path": "outputs/none/gsm8k-ai-subq", "config": "prompt_completion", "examples_sha256": "b" * 64},
    examples=1234,
    dropped_examples=566,
    updates=200,
    effective_batch_size=64,
    micro_batch_size=64,
    trained_tokens=345678,
    read_tokens=999999,
    parameters=700000,
    trainable_parameters=50000,
    seconds=33.3,
    tokens_per_second=30030.0,
    peak_memory_gib=0.91,
    peak_memory_kind="host",
    train_loss=0.1234,
    validation_loss=0.2345,
    loss_curve=[[10, 1.0], [20, 0.5]],
    seed=0,
    device="cpu, 2 threads",
    precision="float32",
    versions={"torch": "2.13.0", "trl": "1.16.0"},
    commit=None,
    resolved_recipe={"method": "filtered_bc", "text_format": "delimiters", "lora_rank": 16},
)


NOTHING_SEEN = Seen(0, 0, 0, "", [])
ROLES = ("decompose", "solve")
DATASET_FACTS = {
    "kind": KIND,
    "name": "gsm8k-ai-subq",
    "schema_version": "1.0.0",
    "configs": {"default": {"train": {"rows": 400}, "test": {"rows": 200}}},
    "problems": {"train": 400, "test": 200},
    "sources": {"micro_gsm": 600},
    "teachers": {"micro-gsm-teacher": 600},
    "solvers": {"micro-gsm-solver": 600},
    "rule": "first_marker",
    "leak_check": {"problems_checked": 200, "leaks": 0, "dropped": []},
}


def result(label: str, correct: int, checkpoint: Path | None = None, failed: int = 0) -> ResultsRecord:
    decomposer = {"kind": {"teacher": "api"}.get(label, label), "label": label}
    if checkpoint:
        decomposer |= {"kind": "checkpoint", "checkpoint": str(checkpoint), "recipe_sha256": "a" * 64}
        decomposer |= {"weights_sha256": checkpoint_fingerprint(checkpoint)}
    accuracy = correct / 200
    return ResultsRecord(
        schema_version=RESULTS_SCHEMA_VERSION,
        name=f"{label}--solver",
        created_at="2026-11-20T20:00:00+00:00",
        commit="c" * 40,
        dirty=False,
        packages={},
        config={},
        dataset={"source": "micro_gsm", "split": "test", "problems": 200, "revision": None, "sha256": "d" * 64},
        decomposer=decomposer,
        solver={"kind": "openai", "label": "micro-gsm-solver"},
        prompts={},
        stop_strings=["Problem:"],
        rule="first_marker",
        overlap=Overlap(NOTHING_SEEN if checkpoint else None, None, NOTHING_SEEN, None),
        seeds=[0],
        n=200,
        counts={
            "correct": correct,
            "incorrect": 197 - correct - failed,
            "no_answer": 3,
            "parse_failure": 0,
            "request_failed": failed,
        },
        accuracy=accuracy,
        mean_score=accuracy,
        interval={"low": max(0.0, accuracy - 0.07), "high": accuracy + 0.07, "method": "wilson", "level": 0.95},
        accuracy_per_seed={"0": accuracy},
        usage={role: {"prompt_tokens": 20000, "completion_tokens": 4000, "cost_per_1000_usd": 0.25} for role in ROLES},
        cut={},
        wall_s=1.0,
        energy_wh=None,
        quality={},
        predictions={},
        publishable=not failed,
    )
