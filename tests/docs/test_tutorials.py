"""The tutorials as a reader follows them: their blocks one after the other, in an empty folder and an empty home.

What a page shows as printed has to be printed; the pages go on with each other's files, so the order counts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.blocks import blocks_of
from tests.support.house import PACKAGES

pytestmark = pytest.mark.slow

HERE = ("own_problems", "train", "score")
"""Followed in a folder of the reader's own; `extend` in a checkout."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home, with `~/subq` to work in and `subq` as pip installs it."""
    home = tmp_path_factory.mktemp("a reader's home")
    (home / "subq").mkdir()
    (home / "bin").mkdir()
    program = home / "bin" / "subq"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dataset_builder.subq "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return home


@pytest.fixture(scope="module")
def checkout(home: Path) -> Path:
    """The toolkit as a contributor has it."""
    folder = home / "gsm8k-ai-subq"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run_block(language: str, text: str, home: Path, folder: Path, toolkit: Path) -> str:
    """What a block prints, in a shell or an interpreter that has the toolkit.

    Args:
        language: bash or python.
        text: the block.
        home: of the reader.
        folder: where they work.
        toolkit: the checkout that they have installed.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "HF_", "SUBQ_"))}
    path = os.pathsep.join([str(home / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    ours = {"PATH": path, "HOME": str(home), "PYTHONPATH": str(toolkit), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = ["bash", "-euo", "pipefail", "-c", text] if language == "bash" else [sys.executable, "-c", text]
    done = subprocess.run(
        command, cwd=folder, env=kept | ours, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


def edit(path: Path, change: str) -> None:
    """Carries out the parts of a diff, which `@@` parts: each finds its place by its words, and finds one."""
    text = path.read_text(encoding="utf-8")
    for part in change.split("@@\n"):
        lines = part.splitlines(keepends=True)
        before, after = ("".join(line[1:] for line in lines if line[0] in marks) for marks in (" -", " +"))
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


def follow(name: str, home: Path, folder: Path, toolkit: Path) -> None:
    """Writes the files of a page and runs its commands, in their order."""
    printed = ""
    for language, title, text in blocks_of(ROOT / "docs" / "tutorials" / f"{name}.md"):
        if language == "diff":
            edit(folder / title, text)
        elif title:
            (folder / title).parent.mkdir(parents=True, exist_ok=True)
            (folder / title).write_text(text, encoding="utf-8")
        elif language in ("bash", "python"):
            printed += run_block(language, text, home, folder, toolkit)
        elif language == "text":
            assert [line for line in text.splitlines() if line not in printed] == []


@pytest.mark.parametrize("name", HERE)
def test_a_reader_can_follow_the_page(name: str, home: Path) -> None:
    follow(name, home, home / "subq", ROOT)


def test_the_notebook_runs_from_its_first_cell_to_its_last(home: Path) -> None:
    """As one program: `!` lines go to a shell; what pip installs is there already."""
    cells = json.loads((ROOT / "docs" / "notebooks" / "decomposer.ipynb").read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    lines = code.replace("\\\n", " ").splitlines()
    kept = [line for line in lines if not line.startswith("%pip install")]
    asked = [f"subprocess.run({line[1:]!r}, shell=True, check=True)" if line[:1] == "!" else line for line in kept]
    (home / "notebook").mkdir()
    printed = run_block("python", "\n".join(["import subprocess", *asked]), home, home / "notebook", ROOT)
    assert "| none " in printed


def test_a_contributor_can_add_a_source_a_solver_and_a_method(home: Path, checkout: Path) -> None:
    follow("extend", home, checkout, checkout)
