"""Merges an adapter into its base at the base's full precision, and measures what that changes.

Reads an adapter folder that a recipe wrote; writes a folder:

    model.safetensors, config.json, tokenizer.json ...    whole weights, which any library loads
    recipe.yaml                                           of the adapter: it says which text the model reads
    trained_problems.json                                 of the adapter, too
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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import write_json
from dataset_builder.micro_gsm.problems import generate_problems
from dataset_builder.text.student_format import format_student_completion, format_student_prompt
from recipes.models.chat_template import DELIMITERS, encode_completions, encode_prompts
from recipes.models.checkpoint import (
    PROBLEMS_FILE,
    RECIPE_FILE,
    adapter_base,
    check_finished,
    is_adapter,
    recorded_format,
    recorded_recipe,
)
from recipes.models.load import default_device, load_adapter, load_tokenizer, pick_dtype
from recipes.models.types import CausalLM, Tokenizer

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

MERGE_RECORD = "merge_record.json"
PROBLEMS = 16


@dataclass(frozen=True)
class Drift:
    """How far two models' log-probabilities lie apart on the same reference decompositions."""

    largest: float
    """Difference of one log-probability."""
    mean: float
    """Over the tokens, of the largest difference at each."""
    same_choice: float
    """Share of tokens at which both find the same token likeliest."""


def merge_adapter(checkpoint: Path, output: Path, device: str | None = None) -> dict[str, Any]:
    """Writes the merged model and gives its record.

    Raises:
        UserError: no adapter of a finished run, or the output exists.
    """
    check_finished(checkpoint)
    if not is_adapter(checkpoint):
        raise UserError(f"{checkpoint} holds no adapter, so there is nothing to merge")
    if output.exists():
        raise UserError(f"{output} exists already; delete it, or give another --output")
    device = device or default_device()
    dtype, tokenizer = pick_dtype("auto", device), load_tokenizer(str(checkpoint))
    rows = _reference_rows(tokenizer, recorded_format(checkpoint) or DELIMITERS)
    adapted = load_adapter(str(checkpoint), dtype, device=device).eval()
    with_adapter = _log_probs(adapted, rows)
    merged: PreTrainedModel = adapted.merge_and_unload()
    after = _log_probs(merged, rows)
    partial = output.with_name(f"{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    merged.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    drift = {"against_adapter": asdict(_drift(with_adapter, after))}
    if recorded_recipe(checkpoint).get("adapter") == "qlora":
        del adapted, merged
        gc.collect()
        as_trained = load_adapter(str(checkpoint), dtype, device=device, four_bit=True).eval()
        drift["against_trained"] = asdict(_drift(_log_probs(as_trained, rows), after))
    record: dict[str, Any] = {
        "adapter": str(checkpoint),
        "base": adapter_base(checkpoint),
        "dtype": str(dtype).removeprefix("torch."),
        "tokens": sum(len(ids) - 1 for ids in rows),
        "drift": drift,
    }
    for name in (RECIPE_FILE, PROBLEMS_FILE):
        if (checkpoint / name).is_file():
            shutil.copy(checkpoint / name, partial / name)
    write_json(partial / MERGE_RECORD, record)
    os.replace(partial, output)
    return record


def _reference_rows(tokenizer: Tokenizer, text_format: str) -> list[list[int]]:
    """Token rows of a few MicroGSM problems with their reference decompositions."""
    problems = generate_problems("test", PROBLEMS, seed=0)
    prompts = [format_student_prompt(problem.problem) for problem in problems]
    completions = [format_student_completion(problem.reference_sub_questions) for problem in problems]
    heads = encode_prompts(tokenizer, prompts, text_format)
    tails = encode_completions(tokenizer, completions, text_format)
    return [head + tail for head, tail in zip(heads, tails, strict=True)]


def _log_probs(model: CausalLM, rows: Sequence[Sequence[int]]) -> list[Tensor]:
    import torch

    with torch.inference_mode():
        batches = (torch.tensor([ids], device=model.device) for ids in rows)
        return [model(input_ids=ids).logits[0, :-1].float().log_softmax(-1).cpu() for ids in batches]


def _drift(before: Sequence[Tensor], after: Sequence[Tensor]) -> Drift:
    import torch

    pairs = list(zip(before, after, strict=True))
    apart = torch.cat([(left - right).abs().amax(-1) for left, right in pairs])
    same = torch.cat([left.argmax(-1) == right.argmax(-1) for left, right in pairs])
    return Drift(float(apart.max()), float(apart.mean()), float(same.float().mean()))
