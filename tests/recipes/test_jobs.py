"""Hugging Face Jobs: the price comes first, nothing starts unconfirmed, and the real client sends what was shown."""

from __future__ import annotations

import ast
import base64
import json
import os
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.core.errors import UserError
from recipes.jobs.__main__ import main
from recipes.jobs.hf_jobs import JobConfig, prepare_job

ROOT = Path(__file__).parents[2]
RECIPE = "mistral-7b/bc_qlora"
TOKEN = "hf_of_the_loopback"
READY = [
    "--recipe", RECIPE, "--flavor", "l4x1", "--dataset", "org/subq", "--push_to", "org/out", "--code", "git+https://x/y@1",
]  # fmt: skip


class JobsHub(ThreadingHTTPServer):
    """The three answers of the Hub that a Job needs; keeps what it was sent."""

    refuse = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), JobsHandler)
        self.jobs: list[dict[str, Any]] = []
        self.authorisations: list[str] = []


class JobsHandler(BaseHTTPRequestHandler):
    server: JobsHub

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/api/jobs/hardware":
            hardware = {"name": "l4x1", "prettyName": "L4", "cpu": "8 vCPU", "ram": "30 GB", "accelerator": None}
            self.reply(200, [hardware | {"unitCostMicroUSD": 15000, "unitCostUSD": 0.015, "unitLabel": "minute"}])
        elif self.path == "/api/whoami-v2":
            self.reply(200, {"type": "user", "name": "ann", "auth": {}})
        else:
            self.reply(404, {"error": "unknown"})

    def do_POST(self) -> None:
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.refuse:
            self.reply(402, {"error": "Pre-paid credit balance is insufficient"})
            return
        self.server.jobs.append(job)
        self.server.authorisations.append(self.headers["Authorization"])
        status = {"stage": "SCHEDULING", "message": None}
        owner = {"id": "1", "name": "ann", "type": "user"}
        self.reply(200, {"id": "job1", "createdAt": "2026-11-21T10:00:00.000Z", "status": status, "owner": owner})

    def reply(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[JobsHub]:
    server = JobsHub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def run_jobs(hub: JobsHub, folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    address = f"http://127.0.0.1:{hub.server_address[1]}"
    environment = {**os.environ, "HF_ENDPOINT": address, "HF_TOKEN": TOKEN, "HF_HOME": str(folder)}
    environment |= {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-m", "recipes.jobs", *argv]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)


def test_nothing_is_launched_unconfirmed_and_the_price_is_the_hubs(hub: JobsHub, tmp_path: Path) -> None:
    done = run_jobs(hub, tmp_path, *READY)
    assert done.returncode == 0, done.stderr
    assert "l4x1: 0.90 USD an hour (the Hub's list, now)" in done.stdout
    assert "nothing was launched" in done.stdout
    assert hub.jobs == []


def test_confirmed_job_is_sent_as_shown_with_its_token_as_a_secret_alone(hub: JobsHub, tmp_path: Path) -> None:
    done = run_jobs(hub, tmp_path, *READY, "--yes")
    assert done.returncode == 0, done.stderr
    assert "job     " in done.stdout
    (job,) = hub.jobs
    script = base64.b64decode(job["environment"]["JOB_SCRIPT"]).decode()
    assert script == (tmp_path / "outputs" / "jobs" / "Mistral-7B-v0.1-bc_qlora.py").read_text(encoding="utf-8")
    assert (job["flavor"], job["secrets"]) == ("l4x1", {"HF_TOKEN": TOKEN})
    assert job["timeoutSeconds"] > 3600
    assert TOKEN not in script + done.stdout + done.stderr
    assert hub.authorisations == [f"Bearer {TOKEN}"]


def test_refused_job_is_one_line(hub: JobsHub, tmp_path: Path) -> None:
    hub.refuse = True
    done = run_jobs(hub, tmp_path, *READY, "--yes")
    assert done.returncode == 2
    assert done.stderr == (
        "error: the Hub refuses the Job (Pre-paid credit balance is insufficient); "
        "check your credit and the token's rights\n"
    )


def test_script_is_pep_723_and_holds_the_whole_recipe() -> None:
    job = prepare_job(
        JobConfig(backbone="Qwen/Qwen3-0.6B", adapter="lora", code="git+https://x/y@1", push_to="org/out")
    )
    head = job.script.split("# ///")[1].removeprefix(" script\n")
    metadata = tomllib.loads("\n".join(line.removeprefix("# ") for line in head.splitlines()))
    assert metadata["dependencies"] == ["gsm8k-ai-subq @ git+https://x/y@1"]
    (recipe,) = (
        node.args[0].value
        for node in ast.walk(ast.parse(job.script))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "loads"
    )
    assert json.loads(recipe)["backbone"] == "Qwen/Qwen3-0.6B"


def test_launch_without_a_dataset_on_the_hub_is_one_line_that_says_all_that_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--recipe", RECIPE, "--flavor", "a10g-large", "--yes"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "subq push --folder" in error
    assert "--push_to org/name" in error


def test_unknown_flavour_and_one_too_small_are_refused() -> None:
    with pytest.raises(UserError, match="unknown flavour 'a10g'; known: l4x1"):
        prepare_job(JobConfig(flavor="a10g"))
    with pytest.raises(UserError, match=r"l4x1 has 23\.5 GiB to give"):
        prepare_job(JobConfig(backbone="mistralai/Mistral-7B-v0.1", adapter="full", flavor="l4x1"))
