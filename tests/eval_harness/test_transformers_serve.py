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

from eval_harness.results import load_record
from eval_harness.run import main

CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


@pytest.fixture
def served_model(tiny_model: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """(base URL, model name) of a running server."""
    pytest.importorskip("fastapi", reason="transformers serve needs transformers[serving]")
    pytest.importorskip("uvicorn", reason="transformers serve needs transformers[serving]")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(tiny_model)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path / "hf_home"
    (home / "hub").mkdir(parents=True)
    log = (tmp_path / "serve.log").open("w")
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(tiny_model), "--device", "cpu"]
    command += ["--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 120
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, (tmp_path / "serve.log").read_text()[-2000:]
            assert time.monotonic() < deadline, (tmp_path / "serve.log").read_text()[-2000:]
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1", str(tiny_model)
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
    assert main(options) == 0
    for path in (tmp_path / "out" / "results").iterdir():
        record = load_record(path)
        assert record.n == 6
        assert record.counts["request_failed"] == 0
        assert record.usage["solve"]["prompt_tokens"] > 0
        assert 0 < record.usage["solve"]["completion_tokens"] <= 6 * 9
