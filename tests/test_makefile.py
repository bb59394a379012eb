"""make takes what a user types: unknown verbs are answered with the list and the nearest, words reach python whole."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")
AWKWARD = """it's a "folder" for $5 & more"""


def make(*words: str) -> subprocess.CompletedProcess[str]:
    names = ("DATASET", "METHOD", "GPU", "CARD", "MODEL", "REPO", "MAKEFLAGS", "MAKELEVEL")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(["make", *words], cwd=ROOT, env=environment, capture_output=True, text=True)


def command(*words: str) -> list[str]:
    """What the last line that make would run is to its shell."""
    return shlex.split(make("-n", *words).stdout.strip().splitlines()[-1])


def test_an_unknown_verb_is_answered_with_the_list_and_the_nearest() -> None:
    done = make("evall")
    assert done.returncode == 2
    line = done.stderr.splitlines()[0]
    assert "no verb 'evall', did you mean 'eval'?" in line
    assert all(verb in line for verb in ("demo", "generate", "train-%", "push-model"))


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("dataset", f"DATASET={AWKWARD}"), "--output"),
        (("train-gpt2-full", f"DATASET={AWKWARD}"), "--dataset"),
        (("generate-subquestions", "CHECKPOINT=x", f"PROBLEM={AWKWARD}"), "--problem"),
        (("card", f"CHECKPOINT={AWKWARD}", "RESULTS=x"), "--checkpoint"),
        (("push-dataset", f"DATASET={AWKWARD}", "REPO=a/b"), "--folder"),
    ],
)
def test_spaces_quotes_and_dollars_reach_the_command(words: tuple[str, ...], option: str) -> None:
    given = command(*words)
    assert given[given.index(option) + 1] == AWKWARD


def test_a_study_gets_its_scale_and_profile_where_they_are_named() -> None:
    plain = command("study", "STUDY=subq")
    assert plain[-4:] == ["-m", "eval_harness.study", "--study", "subq"]
    words = command("study", "STUDY=subq", "SCALE=small", "PROFILE=slurm", "ARGS=--jobs 4 --keep_going")
    assert words[-7:] == ["--scale", "small", "--profile", "slurm", "--jobs", "4", "--keep_going"]
    assert command("study-status", "STUDY=subq")[-3:] == ["eval_harness.study.status", "--study", "subq"]


def test_a_gpu_may_still_be_named_by_its_earlier_variable() -> None:
    assert command("plan-gpt2-full", "CARD=12gb")[-2:] == ["--gpu", "12gb"]
    assert "--gpu" not in command("plan-gpt2-full")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train",), "make train RECIPE=gpt2/bc_full"),
        (("bench-speed",), "valid: answers build"),
    ],
)
def test_a_name_that_is_missing_or_unknown_is_one_line(words: tuple[str, ...], said: str) -> None:
    done = make("-n", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
