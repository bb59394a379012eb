"""The workflows pin every action by its commit, run what make has, and hold no key."""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

FOLDER = ROOT / ".github" / "workflows"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yml"))}
VERBS = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
DIRECTLY = ("bash .ci/run", "python -m pip install ", "python -m pytest ")
"""On Windows there is no make."""


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(name, job, body) for name, text in TEXTS.items() for job, body in yaml.safe_load(text)["jobs"].items()]


def test_every_action_is_pinned_by_its_commit_and_names_its_release() -> None:
    uses = [
        line.strip().removeprefix("- ") for text in TEXTS.values() for line in text.splitlines() if "uses:" in line
    ]
    assert len(uses) > 10
    assert [
        line for line in uses if not re.fullmatch(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    ] == []
    assert len({line.partition("@")[0] for line in uses}) == len(set(uses)), "one action, one commit"


def test_no_checkout_leaves_a_token_behind() -> None:
    steps = [step for _, _, body in jobs() for step in body["steps"] if "checkout@" in step.get("uses", "")]
    assert len(steps) > 5
    assert [step for step in steps if step.get("with", {}).get("persist-credentials") is not False] == []


@pytest.mark.parametrize(("name", "job", "body"), jobs(), ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_run_is_a_verb_of_make(name: str, job: str, body: dict[str, Any]) -> None:
    for command in filter(None, (step.get("run") for step in body["steps"])):
        assert command.startswith(DIRECTLY) or (command.split()[0] == "make" and command.split()[1] in VERBS), (
            f"{name}, {job}: {command}"
        )
    assert "timeout-minutes" in body


def test_each_python_that_is_claimed_is_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    claimed = {text.rpartition(" ")[2] for text in project["classifiers"] if re.search(r"Python :: 3\.\d+$", text)}
    assert claimed == set(re.findall(r'"(3\.\d+)"', TEXTS["ci.yml"]))
    systems = " ".join(re.findall(r"(?:runs-on|os): \[?([a-z]+)", TEXTS["ci.yml"]))
    assert {"ubuntu", "macos", "windows"} <= set(systems.split())


def test_publishing_holds_no_key_and_only_its_job_may_ask_for_an_identity() -> None:
    for text in TEXTS.values():
        assert "secrets." not in text
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    may = {(name, job) for name, job, body in jobs() if "id-token" in body.get("permissions", {})}
    assert may == {("publish.yml", "publish")}


def test_a_tag_that_is_not_the_version_builds_nothing() -> None:
    words = ["make", "--old-file", ".venv/.ready", "wheels", "TAG=v9.9.9"]
    refused = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "error: the tag is v9.9.9, pyproject.toml says" in refused.stderr
    assert not (ROOT / "dist").exists()


def test_the_newest_dependencies_take_the_locks_place() -> None:
    code = ["make", "-n", "setup", "VENV=outputs/no-such-venv"]
    locked, newest = (
        subprocess.run([*code, *more], cwd=ROOT, capture_output=True, text=True).stdout for more in ((), ("LOCK=",))
    )
    assert "--requirement requirements.lock" in locked
    assert "requirements.lock" not in newest
    assert ".[dev]" in newest
