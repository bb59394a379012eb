"""What the GPU benchmark runs on, made on the fly: random weights of a true shape, a tokenizer, a dataset folder.

Memory and speed do not depend on the values of weights. Rows are the published test sub-questions (SUBQ_DATA), else
MicroGSM's, each with made-up rewards, so that ILQL has something to learn from.

    work/mistral/   model.safetensors (14.5 GB in bfloat16), config.json, tokenizer.json
    work/gpt2/      the same of GPT-2 small
    work/dataset/   a dataset folder with prompt_completion and trajectories
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.dataset_folder.layout import KIND, is_dataset_folder, shard_path, write_facts
from dataset_builder.schema.columns import features
from dataset_builder.schema.records import SCHEMA_VERSION
from tests.benchmarks.bench_train import byte_pair_tokenizer, decompositions, texts

CARD = "---\nconfigs:\n" + "".join(
    f"- config_name: {name}\n  data_files:\n  - split: train\n    path: data/{name}/train-*.parquet\n"
    for name in ("prompt_completion", "trajectories")
)
MISTRAL: dict[str, Any] = {"vocab_size": 32000, "sliding_window": 4096, "bos_token_id": None, "eos_token_id": 1}
TINY: dict[str, Any] = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 32,
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """Where a benchmark works, and at what size."""

    folder: Path
    """Of results and, in `work`, of what is made."""
    tiny: bool = False
    """Toy sizes, which a CPU bears: to try the command, never to measure."""

    @property
    def mistral(self) -> Path:
        return self.folder / "work" / "mistral"

    @property
    def gpt2(self) -> Path:
        return self.folder / "work" / "gpt2"

    @property
    def dataset(self) -> Path:
        return self.folder / "work" / "dataset"

    @property
    def is_made(self) -> bool:
        """Whether weights, tokenizer and dataset are there, whole."""
        return (self.folder / "inputs.json").is_file() and is_dataset_folder(self.dataset)

    @property
    def rows(self) -> int:
        """Of the dataset."""
        return 24 if self.tiny else 1024

    def per_update(self, rows: int) -> int:
        """Rows of an update: `rows`, but for a toy."""
        return 4 if self.tiny else rows


def make_inputs(bench: Bench) -> dict[str, Any]:
    """Makes weights, tokenizer and dataset; gives what they are."""
    columns, source = texts()
    tokenizer = byte_pair_tokenizer(columns)
    parameters = {}
    for folder, family in ((bench.mistral, "mistral"), (bench.gpt2, "gpt2")):
        tokenizer.save_pretrained(folder)
        parameters[family] = _write_weights(folder, family, bench.tiny, len(tokenizer))
    _write_dataset(bench)  # last, and its facts last of it: they say that all is there
    return {"source": source, "parameters": parameters}


def _write_weights(folder: Path, family: str, tiny: bool, words: int) -> int:
    import torch
    from transformers import AutoModelForCausalLM, GPT2Config, MistralConfig

    if family == "mistral":
        config: Any = MistralConfig(**MISTRAL | (TINY | {"vocab_size": words} if tiny else {}))
    else:
        size = {"vocab_size": words, "n_embd": 128, "n_layer": 2, "n_head": 2} if tiny else {}
        config = GPT2Config(**size, bos_token_id=None, eos_token_id=1)
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16 if family == "mistral" else torch.float32)
    try:
        with torch.device("meta"):
            needed = sum(weight.nbytes for weight in AutoModelForCausalLM.from_config(config).parameters())
        with torch.device(_place(needed)):
            model = AutoModelForCausalLM.from_config(config)
    finally:
        torch.set_default_dtype(before)
    model.save_pretrained(folder, max_shard_size="4GB")
    return int(sum(weight.numel() for weight in model.parameters()))


def _place(needed: int) -> str:
    """The GPU where it holds so many bytes, else the CPU, which takes minutes for 7 billion weights."""
    import torch

    return "cuda" if torch.cuda.is_available() and torch.cuda.mem_get_info()[0] > 1.1 * needed else "cpu"


def _write_dataset(bench: Bench) -> None:
    from datasets import Dataset

    pairs, _ = decompositions()
    picked = random.Random(0).sample(pairs, min(bench.rows, len(pairs)))
    columns, rewards = texts()[0], random.Random(1)
    by_prompt = dict(zip(columns["prompt"], columns["completion"], strict=True))
    rows: dict[str, list[dict[str, Any]]] = {"prompt_completion": [], "trajectories": []}
    for index, (problem, steps) in enumerate(picked):
        prompt = next(text for text in (f"{problem}\n", problem, *by_prompt) if text in by_prompt)
        shared = {"problem_id": f"bench:{index}", "set_index": 0, "prompt": prompt}
        rows["prompt_completion"].append(shared | {"completion": by_prompt[prompt], "answer_correctness": index % 2})
        useful = [round(rewards.random(), 2) for _ in steps]
        rows["trajectories"].append(
            shared | {"steps": steps, "step_rewards": useful, "final_reward": float(index % 2)}
        )
    for name, of_config in rows.items():
        path = shard_path(bench.dataset, name, "train", 0, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_list(of_config, features=features(name)).to_parquet(path)
    (bench.dataset / "README.md").write_text(CARD + "---\n", encoding="utf-8")
    facts = {"kind": KIND, "name": "bench", "schema_version": SCHEMA_VERSION}
    write_facts(bench.dataset, facts | {"configs": {name: {"train": {"rows": len(picked)}} for name in rows}})
