"""One rule says whether a checkout is dirty, for training, for scoring and for jobs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dataset_builder.core.provenance import code_state, package_versions


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A committed checkout of two packages, with an ignored folder."""
    for name in ("recipes", "eval_harness"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("1\n", encoding="utf-8")
    (tmp_path / ".gitignore").write_text("outputs/\n__pycache__/\n", encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first")
    code_state.cache_clear()
    return tmp_path


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True).stdout.strip()


def test_a_committed_checkout_is_its_commit(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    state = code_state(checkout)
    assert (state.commit, state.dirty, state.label) == (commit, False, commit)


@pytest.mark.parametrize("name", ["recipes/a.py", "eval_harness/new_prompt.txt"])
def test_a_changed_or_a_new_file_of_a_package_makes_it_dirty(checkout: Path, name: str) -> None:
    (checkout / name).write_text("2\n", encoding="utf-8")
    state = code_state(checkout)
    assert state.dirty
    assert state.label == f"{state.commit}+dirty"


@pytest.mark.parametrize("name", ["notes.txt", "outputs/run.json", "recipes/__pycache__/a.pyc"])
def test_what_lies_outside_the_packages_or_is_ignored_does_not(checkout: Path, name: str) -> None:
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text("2\n", encoding="utf-8")
    assert not code_state(checkout).dirty


def test_packages_installed_inside_another_checkout_have_no_commit(checkout: Path) -> None:
    (checkout / "outputs" / "site" / "recipes").mkdir(parents=True)
    state = code_state(checkout / "outputs" / "site")
    assert (state.commit, state.dirty, state.label) == (None, True, None)


def test_a_folder_outside_of_git_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    assert code_state(tmp_path).commit is None


def test_a_package_that_is_not_installed_has_no_version() -> None:
    versions = package_versions(["numpy", "no-such-package"])
    assert sorted(versions) == ["numpy", "python"]
