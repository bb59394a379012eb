"""A real OpenAI-compatible server that is not ours: `transformers serve` with a tiny model, as the solver of a run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataset_builder.prompts import load_prompt
from eval_harness.records.results import load_record
from eval_harness.run import main

CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


@pytest.fixture
def byte_model(tmp_path: Path) -> Path:
    """A small Llama of random weights whose tokenizer knows every byte.

    transformers' own stop strings need that: with a tokenizer of whole words it answers 500 ("substring not found").
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bytes_of = Tokenizer(models.BPE())
    bytes_of.pre_tokenizer, bytes_of.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False
    )
    bytes_of.train_from_iterator([load_prompt(name).text for name in ("answer.v1", "cot_few_shot.v1")], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_of, eos_token="<end>", pad_token="<end>")
    tokenizer.chat_template = CHAT_TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=2048, bos_token_id=None, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path / "byte_model"
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def served_model(byte_model: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """(base URL, model name) of a running server."""
    pytest.importorskip("fastapi", reason="transformers serve needs transformers[serving]")
    pytest.importorskip("uvicorn", reason="transformers serve needs transformers[serving]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path / "hf_home"
    (home / "hub").mkdir(parents=True)
    log = (tmp_path / "serve.log").open("w")
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(byte_model), "--device", "cpu"]
    command += ["--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 120
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, (tmp_path / "serve.log").read_text()[-2000:]
            assert time.monotonic() < deadline, (tmp_path / "serve.log").read_text()[-2000:]
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1", str(byte_model)
    finally:
        server.terminate()
        server.wait()
        log.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@pytest.mark.slow
def test_a_served_tiny_model_is_a_solver_like_any_other(served_model: tuple[str, str], tmp_path: Path) -> None:
    url, model = served_model
    problems = tmp_path / "p.jsonl"
    rows = ({"question": f"Ann has {i} pens. How many pens has Ann?", "answer": f"#### {i}"} for i in range(6))
    problems.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    options = ["--source", str(problems), "--decomposers", "none", "direct", "--solvers", f"openai:{model}"]
    options += ["--base_url", url, "--max_new_tokens", "8", "--output", str(tmp_path / "out"), "--max_in_flight", "4"]
    options += ["--give_up_after_s", "30"]
    assert main(options) == 0
    for path in (tmp_path / "out" / "results").iterdir():
        record = load_record(path)
        assert record.n == 6
        assert record.counts["request_failed"] == 0
        assert record.usage["solve"]["prompt_tokens"] > 0
        assert 0 < record.usage["solve"]["completion_tokens"] <= 6 * 9
