"""Merges an adapter into its base at the base's full precision, and measures what that changes.

Reads an adapter folder that a recipe wrote; writes beside it, or into `--output`:

    model.safetensors, config.json, tokenizer.json ...    whole weights, which any library loads
    recipe.yaml                                           of the adapter: it says which text the model reads
    merge_record.json                                     the measured drift, and from what it was made

    {"adapter": "outputs/mistral-7b/bc_qlora", "base": "mistralai/Mistral-7B-v0.1", "dtype": "bfloat16",
     "tokens": 1034, "drift": {"against_adapter": {"largest": ..., "mean": ..., "same_choice": ...}, ...}}

A QLoRA adapter was trained on 4-bit weights; merging into those would round the sum to 4 bits once more. So the merge
is always on the full-precision base, and the drift is given twice: against the adapter on that base
(`against_adapter`, rounding alone), and against the adapter on the weights it was trained on (`against_trained`).
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import option, parse_config
from dataset_builder.core.errors import UserError, entry_point
from dataset_builder.core.files import write_json
from recipes.training.record import RECIPE_FILE, RECORD_FILE, read_train_record

EPILOG = """\
examples:
  python -m recipes.merge --checkpoint outputs/mistral-7b/bc_qlora
  python -m recipes.merge --checkpoint outputs/tiny/filtered_bc_lora --output outputs/tiny/merged
"""
MERGE_RECORD = "merge_record.json"
PROBLEMS = 16


@dataclass(frozen=True)
class MergeConfig:
    """What to merge and where to."""

    checkpoint: str = option("", "adapter folder that recipes.train wrote")
    output: str = option("", "new folder for the merged model (default: the adapter's name with -merged)")
    device: str = option("", "cpu, cuda, ...; empty: a GPU if there is one")


@dataclass(frozen=True)
class Drift:
    """How far two models' log-probabilities lie apart on the same reference decompositions."""

    largest: float
    mean: float
    same_choice: float
    """Share of tokens at which both find the same token likeliest."""


def merge_adapter(checkpoint: Path, output: Path, device: str | None = None) -> dict[str, Any]:
    """Writes the merged model and gives its record.

    Raises:
        UserError: no adapter of a finished run, or the output exists.
    """
    from recipes.modeling import adapter_base, check_finished, is_adapter, load_policy

    check_finished(checkpoint)
    if not is_adapter(checkpoint):
        raise UserError(f"{checkpoint} holds no adapter, so there is nothing to merge")
    if output.exists():
        raise UserError(f"{output} exists already; delete it, or give another --output")
    policy = load_policy(checkpoint, device)
    rows = _reference_rows(policy)
    with_adapter = _log_probs(policy.model, rows)
    merged = policy.model.merge_and_unload()
    after = _log_probs(merged, rows)
    partial = output.with_name(f"{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    merged.save_pretrained(partial)
    policy.tokenizer.save_pretrained(partial)
    drift = {"against_adapter": asdict(_drift(with_adapter, after))}
    dtype = str(merged.dtype).removeprefix("torch.")
    if _trained_in_four_bit(checkpoint):
        del policy, merged
        gc.collect()
        as_trained = load_policy(checkpoint, device, four_bit=True)
        drift["against_trained"] = asdict(_drift(_log_probs(as_trained.model, rows), after))
    tokens = sum(len(ids) - 1 for ids in rows)
    record: dict[str, Any] = {
        "adapter": str(checkpoint),
        "base": adapter_base(checkpoint),
        "dtype": dtype,
        "tokens": tokens,
    }
    record["drift"] = drift
    if (checkpoint / RECIPE_FILE).is_file():
        shutil.copy(checkpoint / RECIPE_FILE, partial / RECIPE_FILE)
    write_json(partial / MERGE_RECORD, record)
    os.replace(partial, output)
    return record


def _trained_in_four_bit(checkpoint: Path) -> bool:
    return (checkpoint / RECORD_FILE).is_file() and read_train_record(checkpoint).adapter == "qlora"


def _reference_rows(policy: Any) -> list[list[int]]:
    """Token rows of a few MicroGSM problems with their reference decompositions."""
    from dataset_builder.micro_gsm.problems import generate_problems
    from dataset_builder.text.student_format import format_student_completion, format_student_prompt
    from recipes.data.tokenize import build_token_rows

    problems = generate_problems("test", PROBLEMS, seed=0)
    columns = {
        "prompt": [format_student_prompt(problem.problem) for problem in problems],
        "completion": [format_student_completion(problem.reference_sub_questions) for problem in problems],
    }
    return [row["input_ids"] for row in build_token_rows(columns, policy.tokenizer, policy.text_format)]


def _log_probs(model: Any, rows: list[list[int]]) -> list[Any]:
    import torch

    with torch.inference_mode():
        batches = (torch.tensor([ids], device=model.device) for ids in rows)
        return [model(input_ids=ids).logits[0, :-1].float().log_softmax(-1).cpu() for ids in batches]


def _drift(before: list[Any], after: list[Any]) -> Drift:
    import torch

    pairs = list(zip(before, after, strict=True))
    apart = torch.cat([(one - other).abs().amax(-1) for one, other in pairs])
    same = torch.cat([one.argmax(-1) == other.argmax(-1) for one, other in pairs])
    return Drift(float(apart.max()), float(apart.mean()), float(same.float().mean()))


def _main(argv: Sequence[str] | None = None) -> int:
    config = parse_config(
        MergeConfig,
        argv,
        prog="python -m recipes.merge",
        description="Merges an adapter into its full-precision base and measures the drift.",
        epilog=EPILOG,
    )
    if not config.checkpoint:
        raise UserError("name the adapter folder: make merge CHECKPOINT=outputs/mistral-7b/bc_qlora")
    checkpoint = Path(config.checkpoint)
    output = Path(config.output) if config.output else checkpoint.with_name(f"{checkpoint.name}-merged")
    record = merge_adapter(checkpoint, output, config.device or None)
    for name, drift in record["drift"].items():
        print(
            f"drift {name.replace('_', ' '):16} log-probability at most {drift['largest']:.2e}, "
            f"mean {drift['mean']:.2e}; same choice at {100 * drift['same_choice']:.2f} % of {record['tokens']} tokens"
        )
    print(f"merged: {output}")
    return 0


main = entry_point(_main)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
