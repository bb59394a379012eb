"""Starts the generator as a user does, in a process of its own, so that it can be interrupted and killed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
KEY = "sk-loopback-5ecret"


def write_problems(folder: Path, count: int) -> Path:
    """A jsonl file of small problems."""
    path = folder / "problems.jsonl"
    rows = [
        {"question": f"Ann has {i} pens and buys {i + 2} more. How many?", "answer": str(2 * i + 2)}
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def start(problems: Path, url: str, output: Path, **options: Any) -> subprocess.Popen[str]:
    """Starts a generation with quick retries; options as on the command line."""
    command = [sys.executable, "-m", "dataset_builder.generate", *_words(problems, url, output, options)]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"OPENAI_API_KEY": KEY},
    )  # fmt: skip


def _words(problems: Path, url: str, output: Path, options: dict[str, Any]) -> list[str]:
    given = {"problems": problems, "base_url": url, "output": output, "model": "test-model"}
    given |= {"backoff_s": 0.02, "timeout_s": 5.0, **options}
    return [word for name, value in given.items() for word in (f"--{name}", str(value))]


def finish(process: subprocess.Popen[str], timeout_s: float = 120) -> tuple[int, str]:
    """Waits for the end; returns the exit code and everything printed."""
    output, errors = process.communicate(timeout=timeout_s)
    return process.returncode, output + errors


def generate_here(problems: Path, url: str, output: Path, **options: Any) -> tuple[int, str]:
    """The same in this process, which saves importing everything again."""
    from dataset_builder.generate.__main__ import main

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = main(_words(problems, url, output, options))
    return code, printed.getvalue()


def generate(problems: Path, url: str, output: Path, **options: Any) -> tuple[int, str]:
    return finish(start(problems, url, output, **options))


def replies(journal: Path) -> int:
    """How many replies and failures a journal holds; 0 while there is none."""
    if not journal.is_file():
        return 0
    try:
        database = sqlite3.connect(journal, timeout=5)
        try:
            return int(database.execute("SELECT count(*) FROM replies").fetchone()[0])
        finally:
            database.close()
    except sqlite3.OperationalError:
        return 0  # being created


def wait_for_replies(process: subprocess.Popen[str], journal: Path, count: int) -> bool:
    """Waits until the journal holds `count` records; False when the process ended before."""
    while process.poll() is None:
        if replies(journal) >= count:
            return True
        time.sleep(0.005)
    return False


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def read_sets(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "sets.jsonl").read_text(encoding="utf-8").splitlines()]
