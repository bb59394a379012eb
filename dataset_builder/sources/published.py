"""The paper's own repository: its raw files and recorded responses."""

from __future__ import annotations

import os
from pathlib import Path

from dataset_builder.sources.fetch import fetch_file
from dataset_builder.sources.source import Source, SourceFile

PUBLISHED = Source(
    name="gsm8k_ai_subq",
    licence="apache-2.0",
    home="https://github.com/DT6A/GSM8K-AI-SubQ",
    citation="Tarasov and Shridhar 2024, arXiv 2402.01812",
    repository="DT6A/GSM8K-AI-SubQ",
    revision="d21dba9",
)
PUBLISHED_SHA256 = {
    "qg_test_data_raw.jsonl": "d58506cc3342f3ddc09e780901b58410bc5f92c6146d14470f0816a6596f5c40",
    "qg_test_dataset.jsonl": "68373d59565dfe200910aca3ce5d97a805e4d3b70ef7c5bfbd23a3be578180da",
    "test_chat.jsonl": "7b0319257f38924776d429a904840c05109965aa00e51f9a8bada73f6c9e9f84",
}
PUBLISHED_SOLVERS = ("chatgpt", "llama7b", "llama13b", "mistral")
RESPONSE_FILES = (
    "eval_chat",
    *(f"eval_{method}{suffix}" for method in ("finetune", "filtered_bc") for suffix in ("_dist", "", "_medium")),
    *(f"eval_iql{suffix}{reward}" for reward in ("", "_sparse") for suffix in ("_dist", "", "_medium")),
)
PUBLISHED_RESPONSES = [f"{solver}/{name}" for solver in PUBLISHED_SOLVERS for name in RESPONSE_FILES]
"""Below eval_responses: who answered, and whose sub-questions."""


def published_file(name: str) -> Path:
    """A file of the paper's own repository: "qg_test_data_raw.jsonl", "eval_responses/mistral/eval_chat.jsonl", ...

    Looked up in SUBQ_DATA/gsm8k_ai_subq (plain or with ".gz"), then in the cache, then at its home.

    Raises:
        UserError: it is in none of them, or its sha256 is not the pinned one.
    """
    folder = os.environ.get("SUBQ_DATA")
    zipped = Path(folder or ".") / "gsm8k_ai_subq" / f"{name}.gz"
    if folder and zipped.is_file():
        return zipped
    remote = name if name.startswith("eval_responses/") else f"dataset/{name}"
    return fetch_file(PUBLISHED, SourceFile(f"gsm8k_ai_subq/{name}", remote, PUBLISHED_SHA256.get(name)))
