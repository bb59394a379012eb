"""Runs the loops that arXiv 2402.01812 published, as they stand, from a copy of that repository (DT6A/GSM8K-AI-SubQ).

    published_seconds("cloning", Path("GSM8K-AI-SubQ"), model, tokenizer, data, batch=8, batches=4, updates=3)

Only what reaches for a network, a GPU or a log is replaced before their `main` is called: the tracker, the scorer's
library, the devices, and where tokenizer and weights come from. Seconds are the CPU's, between turns of their loop.
"""

from __future__ import annotations

import importlib
import io
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

MODULES = {"ilql": "ilql_gpt_qg", "cloning": "finetune_gpt_qg"}
STUBS = ("wandb", "nltk")
NEVER = "1000000"


def published_module(repository: Path, task: str) -> ModuleType:
    """The module of a task; its imports that a benchmark has no use for are empty."""
    sys.path.insert(0, str(repository / "baselines"))
    for name in STUBS:
        sys.modules[name] = SimpleNamespace(init=_nothing, log=_nothing, mark_preempting=_nothing)  # type: ignore[assignment]
    return importlib.import_module(MODULES[task])


def published_seconds(
    task: str, repository: Path, model: Any, tokenizer: Any, data: Path, *, batch: int, batches: int, updates: int
) -> list[float]:
    """Seconds of each update of their loop, which trains `model` in place.

    Args:
        task: ilql or cloning.
        repository: their code.
        model: a GPT-2.
        tokenizer: of the model.
        data: a folder with their `qg_train_dataset.jsonl`.
        batch: rows of a batch, as their `--batch_size`.
        batches: of an update, as their `--gradient_accumulation_steps`.
        updates: how many.
    """
    import torch

    module, marks = published_module(repository, task), list[float]()

    def turns(count: int) -> Iterator[int]:
        for turn in range(count):
            marks.append(time.process_time())
            yield turn
        marks.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        options = {
            "--dataset_dir": str(data), "--save_dir": folder, "--batch_size": str(batch),
            "--gradient_accumulation_steps": str(batches), "--num_train_steps": str(updates * batches),
            "--save_interval": NEVER, "--eval_interval": NEVER,
        }  # fmt: skip
        words = [word for pair in options.items() for word in pair] + (["--sparse"] if task == "ilql" else [])
        replaced = {
            "tqdm": SimpleNamespace(trange=turns),
            "get_devices": lambda: [torch.device("cpu")],
            "GPT2Tokenizer": SimpleNamespace(from_pretrained=lambda _: tokenizer),
            "GPT2LMHeadModel": SimpleNamespace(from_pretrained=lambda _: model),
        }
        if task == "ilql":
            replaced["GPT2Config"] = SimpleNamespace(from_pretrained=lambda _: model.config)
        with (
            patch.multiple(module, **replaced),
            patch.object(sys, "argv", [MODULES[task], *words]),
            patch.object(torch, "save", _nothing),
            patch.object(model, "save_pretrained", _nothing),
            redirect_stdout(io.StringIO()),
        ):
            module.main()
    return [end - start for start, end in zip(marks[::batches], marks[batches::batches], strict=False)]


def published_decoding(repository: Path, policy: Any, trunk: Any, prompts: list[list[int]], longest: int) -> float:
    """Seconds of their decoding loop, guided by values: every token reads its whole prefix again.

    Args:
        repository: their code.
        policy: a GPT-2.
        trunk: another, under their value heads.
        prompts: token ids.
        longest: tokens of the longest row, prompt and reply.
    """
    import torch

    module = published_module(repository, "ilql")
    model = module.IQLGPT(trunk, trunk.config).eval()
    lengths = [len(ids) for ids in prompts]
    rows = torch.tensor([ids + [0] * (longest - len(ids)) for ids in prompts])
    prefix = torch.tensor([[1] * count + [0] * (longest - count) for count in lengths])
    counts = torch.tensor(lengths)[:, None]
    started = time.process_time()
    with torch.no_grad():
        module.generate_sequences(policy, model, (rows, prefix, rows, prefix, counts, counts), "cpu", longest)
    return time.process_time() - started


def _nothing(*_: object, **__: object) -> None:
    return None
