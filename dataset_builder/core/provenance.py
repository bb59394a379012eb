"""Which code ran: its commit, whether the checkout differs from it, the versions of its packages, and the processor.

One rule for all records: a checkout is dirty when a file of the packages differs from the commit, a new file counted
(a recipe or a prompt that was never committed shapes a run as much as one that was changed). What git ignores, and
what lies outside the packages (outputs, notes, data), does not count.
"""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("dataset_builder", "recipes", "eval_harness", "model_cards")


@dataclass(frozen=True)
class CodeState:
    """The commit of the code that runs."""

    commit: str | None
    """None outside of a checkout, for instance where the packages were installed from a wheel."""
    dirty: bool
    """Whether a file of the packages differs from the commit; True where there is no commit to compare with."""

    @property
    def label(self) -> str | None:
        """The commit in one word, "c2cce37...+dirty" where the checkout differs from it; None without a commit."""
        return f"{self.commit}+dirty" if self.commit and self.dirty else self.commit


@functools.cache
def code_state(root: Path = ROOT) -> CodeState:
    """The state of the checkout that the packages lie in."""
    present = [name for name in PACKAGES if (root / name).is_dir()]
    # An environment inside another project's checkout is not ours: its files are not tracked there.
    if not present or not _git(root, "ls-files", "--", *present):
        return CodeState(None, True)
    commit = _git(root, "rev-parse", "HEAD")
    return CodeState(commit or None, not commit or bool(_git(root, "status", "--porcelain", "--", *present)))


def remote_url(root: Path = ROOT) -> str:
    """The address that the checkout was cloned from; empty where there is none."""
    return _git(root, "remote", "get-url", "origin")


def code_here() -> str:
    """This checkout as pip can install it elsewhere: its remote at its commit; empty where there is none."""
    remote, commit = remote_url(), code_state().commit
    return f"git+{remote}@{commit}" if remote.startswith("https://") and "@" not in remote and commit else ""


def _git(root: Path, *words: str) -> str:
    """What git prints; empty where it fails or is not installed."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """The versions of Python and of those of the named packages that are installed."""
    versions = {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def machine() -> str:
    """What a model in this process computes on: the GPU if there is one, else the processor, as the system names it.

    Sums are rounded in another order on another one, and so a greedy text may differ there.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
