"""A new user's folder with problems of their own, their teacher, and the commands they type, each a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.physics import MODEL, Teacher, teaching, write_problems


@dataclass(frozen=True)
class Walk:
    """Where the user works, and whom they ask."""

    folder: Path
    """Their own, with `physics.jsonl` in it; every command runs here."""
    teacher: Teacher
    """On loopback; `asked` counts what it was asked."""

    def run(self, *words: object) -> str:
        """What a command that succeeds prints: `walk.run("dataset_builder.build", "--generation", "run")`."""
        done = self._do(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *words: object) -> str:
        """The one line of a command that cannot be done."""
        done = self._do(*words)
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def generate(self, *words: object) -> tuple[object, ...]:
        """The words of the user's generation, and more."""
        given = ("--problems", "physics.jsonl", "--model", MODEL, "--base_url", self.teacher.url, "--output", "run")
        return ("dataset_builder.generate", *given, "--progress", "false", *words)

    def _do(self, *words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *map(str, words)]
        env = os.environ | {"PYTHONPATH": str(ROOT), "HF_HOME": str(self.folder / "home"), "OPENAI_API_KEY": "none"}
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The folder and the teacher, before the first command."""
    folder = tmp_path_factory.mktemp("a user's work")
    write_problems(folder / "physics.jsonl")
    with teaching() as teacher:
        yield Walk(folder, teacher)
