"""Snakemake's own environment, beside ours: made at first use from `snakemake.txt`, and again when that changes.

`.venv-snakemake` beside the environment that runs (in a user's cache where that is none of ours), or what
SUBQ_SNAKEMAKE names. It is ready when `.ready` in it holds the hash of its requirements, so one that was cut off is
made again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import file_sha256
from dataset_builder.core.locks import lock_file, unlock_file
from dataset_builder.core.progress import tell

REQUIREMENTS = Path(__file__).with_name("snakemake.txt")
VARIABLE = "SUBQ_SNAKEMAKE"


def environment_folder() -> Path:
    """Where it is, or will be."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix).parent / ".venv-snakemake"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gsm8k-ai-subq" / "venv-snakemake"


def snakemake_program() -> Path:
    """The program; its environment is made where it is missing.

    Raises:
        UserError: it cannot be made, or is being made by another process.
    """
    folder = environment_folder()
    program = folder / ("Scripts/snakemake.exe" if os.name == "nt" else "bin/snakemake")
    wanted, ready = file_sha256(REQUIREMENTS), folder / ".ready"
    if not (ready.is_file() and ready.read_text() == wanted and program.exists()):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_file(folder, "wait for it")
        try:
            _make(folder, program.parent / "python")
            ready.write_text(wanted)
        finally:
            unlock_file(lock)
    return program


def _make(folder: Path, python: Path) -> None:
    tell(f"making Snakemake's environment {folder}, once")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(REQUIREMENTS)]
    for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], pip):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            said = [line for line in done.stdout.splitlines() if line.strip()]
            reason = next((line for line in reversed(said) if line.startswith("ERROR")), said[-1] if said else "?")
            raise UserError(
                f"cannot make {folder} ({reason.removeprefix('ERROR: ')[:200]}); with a network the same command "
                f"tries again, or set {VARIABLE} to an environment that has what {REQUIREMENTS} names"
            )
