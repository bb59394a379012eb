"""`subq`: one command for every entry point, loaded when it is called, told as it was typed."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import Any

import pytest

from dataset_builder import subq
from dataset_builder.door import commands
from dataset_builder.door.commands import COMMANDS, GROUPS, as_typed
from tests.conftest import ROOT
from tests.test_bad_inputs import ENTRY_POINTS

UNTYPED = {"dataset_builder.subq", "eval_harness.study.engine.remote", "eval_harness.study.step"}
"""subq itself, and what a study's runner calls."""


def subprocess_of(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dataset_builder.subq", *words]
    return subprocess.run(command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True)


def complete(line: str, shell: str = "bash") -> str:
    """What a shell is offered behind a line."""
    asked = {"_SUBQ_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    return subprocess_of(**asked).stdout


def test_every_entry_point_is_a_command_and_every_command_is_one() -> None:
    assert sorted(command.module for command in COMMANDS.values()) == sorted({*ENTRY_POINTS} - UNTYPED)
    assert len(COMMANDS) == sum(map(len, GROUPS.values()))


def test_the_commands_are_told_in_the_order_of_the_flow(capsys: pytest.CaptureFixture[str]) -> None:
    assert subq.main([]) == 0
    shown = capsys.readouterr().out
    places = [shown.index(f"\n  {name:{subq.WIDTH}}  {command.help}") for name, command in COMMANDS.items()]
    assert places == sorted(places)
    assert subq.main(["--help"]) == 0
    assert capsys.readouterr().out == shown


def test_nothing_is_loaded_before_a_command_is_named() -> None:
    code = "import sys; from dataset_builder.subq import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    ours = {name for name in loaded if name.startswith(("dataset_builder.", "recipes", "eval_harness", "model_cards"))}
    allowed = ("dataset_builder.subq", "dataset_builder.door", "dataset_builder.core")
    assert [name for name in ours if not name.startswith(allowed)] == []
    assert not {"yaml", "numpy", "torch", "openai", "pyarrow", "pydantic", "jinja2"} & set(loaded)


@pytest.mark.parametrize("code", [0, 2, 130, None])
def test_words_reach_the_module_as_they_were_typed(code: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[str]] = []

    def main(words: list[str]) -> int | None:
        told.append(words)
        return code

    monkeypatch.setattr(importlib.import_module("dataset_builder.generate.__main__"), "main", main)
    words = ["--problems", "it's --here", "--", "-x", "--help", "--version", "50 %"]
    assert subq.main(["generate", *words]) == (code or 0)
    assert told == [words]


def test_an_interrupted_command_ends_as_any_other_and_a_bug_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = importlib.import_module("recipes.merge")
    for raised, expected in ((KeyboardInterrupt(), 130), (ZeroDivisionError(), None)):

        def main(words: Any, raised: BaseException = raised) -> int:
            raise raised

        monkeypatch.setattr(module, "main", main)
        if expected:
            assert subq.main(["merge"]) == expected
        else:
            with pytest.raises(ZeroDivisionError):
                subq.main(["merge"])


def test_a_wrong_option_of_subq_itself_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert subq.main(["--nonsense"]) == 2
    assert capsys.readouterr().err == "error: No such option '--nonsense'; see `subq --help`\n"


def test_help_and_errors_name_what_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        subq.main(["build", "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith("usage: subq build [-h]")
    assert "subq generate --output outputs/run" in shown
    assert subq.main(["build", "--nonsense"]) == 2
    assert "see `subq build --help`" in capsys.readouterr().err


def test_modules_without_a_command_and_other_callers_are_told_as_they_are() -> None:
    text = "python -m recipes.train and python -m pip and python -m dataset_builder.llm.journal."
    assert as_typed(text) == text
    with commands.called_as_subq():
        assert as_typed(text) == "subq train and python -m pip and subq journal."
    assert as_typed(text) == text


@pytest.mark.parametrize(
    ("line", "expected"),
    [("subq tra", ["train"]), ("subq push", ["push", "push-model", "push-metric", "push-space"])],
)
def test_commands_are_completed(line: str, expected: list[str]) -> None:
    assert [row.split(",")[1] for row in complete(line).splitlines()] == expected


def test_options_are_completed_as_the_help_has_them() -> None:
    assert complete("subq report --ma").splitlines() == ["plain,--marker"]
    options = [row.split(",")[1] for row in complete("subq generate --").splitlines()]
    assert {"--problems", "--model", "--max_cost_usd", "--dry_run"} <= set(options)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_their_script(shell: str) -> None:
    assert "_SUBQ_COMPLETE" in subprocess_of(_SUBQ_COMPLETE=f"{shell}_source").stdout


def test_a_verb_of_make_that_trains_is_told_as_a_command_of_subq() -> None:
    text = (
        "make train-qwen3-1.7b-lora GPU=12gb METHOD=dpo, make train-gpt2-lora JOBS=a10g-large; make train-gpt2-full."
    )
    with commands.called_as_subq():
        assert as_typed(text) == (
            "subq train --recipe qwen3-1.7b-lora --gpu 12gb --method dpo, "
            "subq jobs --recipe gpt2-lora --flavor a10g-large; subq train --recipe gpt2-full."
        )
    assert as_typed(text) == text
