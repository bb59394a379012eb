"""No entry point answers bad input with a traceback: one line that names it, exit code 2, nothing asked or paid.

The entry points are found in the source, so a new one fails here until it has its rows (`tests/support/bad_inputs`).
"""

from __future__ import annotations

import importlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.build.config import BuildConfig
from dataset_builder.build.dataset import build_dataset
from dataset_builder.core import config as grammar
from dataset_builder.core.values import MANY_NAMES
from dataset_builder.llm.journal import Journal
from tests.conftest import ROOT
from tests.support.bad_inputs import ROWS
from tests.support.eval_runs import write_run
from tests.support.house import MODULES, is_entry_point, name_of
from tests.support.raw_sets import make_sets, write_journal

ON_THE_HUB = ("eval_harness.metrics.decomposition_quality.app", "eval_harness.metrics.subq_accuracy.app")
"""They start a page there, and take no arguments."""
ENTRY_POINTS = sorted(
    name
    for name in (name_of(path).removesuffix(".__main__") for path in MODULES if is_entry_point(path))
    if name not in ON_THE_HUB
)
WITHOUT_OPTIONS = ("dataset_builder.hub.leak_guard", "dataset_builder.subq")
"""All its words are files; those of another program."""
BAD_FILES = ("missing.jsonl", "folder", "empty.jsonl", "binary.jsonl", "truncated.jsonl")
BAD_FOLDERS = ("missing", "file.txt", "empty_folder")
NOT_FOLDERS = ("file.txt", "file.txt/below")
NOT_FILES = ("folder", "file.txt/below.json")
NOBODY = 65534
KINDS = {"BADFILE": BAD_FILES, "BADFOLDER": BAD_FOLDERS, "NOTFOLDER": NOT_FOLDERS, "NOTFILE": NOT_FILES}


RAW = {
    "problem": "Ann has 3 pens and buys 2. How many pens has she?",
    "questions": ["Q1: How many pens has she?"],
    "answers": ["Final answer: 5"],
    "feedback": [["Q1: Yes"]],
    "answer": "#### 5",
}
"""A line of the published form."""


@dataclass(frozen=True)
class Row:
    """One bad command line."""

    module: str
    words: str
    bad: str = ""
    said: str = ""

    def __str__(self) -> str:
        return f"{self.module.split('.', 1)[1]} {self.words.replace(' --', ' -')[:60]} [{self.bad}]"


def rows_of(module: str) -> Iterator[Row]:
    for line in filter(None, map(str.strip, ROWS[module].splitlines())):
        words, _, said = (part.strip() for part in line.partition("|"))
        kinds = [kind for kind in KINDS if kind in words]
        if not kinds:
            yield Row(module, words, said=said)
        for kind in kinds:
            yield from (Row(module, words.replace(kind, "{bad}"), bad, said) for bad in KINDS[kind])


@dataclass
class World:
    """Files and folders, good and bad."""

    root: Path
    names: dict[str, str] = field(default_factory=dict)

    def words(self, row: Row) -> list[str]:
        return shlex.split(row.words.format(**self.names, bad=shlex.quote(str(self.root / row.bad))))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("bad inputs") / "it's here"
    for folder in ("folder", "empty_folder", "notes", "broken_checkpoint", "bad_journal"):
        (root / folder).mkdir(parents=True)
    texts = {
        "file.txt": "a note\n",
        "secret.txt": "hf_" + "a1B2" * 9 + "\n",
        "notes/mine.txt": "do not replace\n",
        "folder/inside.txt": "",
        "empty.jsonl": "",
        "truncated.jsonl": '{"question": "Ann has 3 pe',
        "questions.jsonl": json.dumps({"problem_id": "micro_gsm-test-00000", "sub_questions": ["How many?"]}) + "\n",
        "broken_checkpoint/config.json": '{"model_type": "lla',
        "bad_journal/journal.sqlite": "this is no database, though it is long enough to be taken for one" * 20,
        "raw.jsonl": json.dumps(RAW) + "\n",
        "responses.jsonl": json.dumps({"question": "q", "answer": "5", "response": "Final answer: 5"}) + "\n",
    }
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")
    (root / "binary.jsonl").write_bytes(bytes(range(256)) * 8)
    write_journal(root / "run", make_sets(8))
    Journal(root / "run" / "journal.sqlite").close()
    build_dataset(BuildConfig(generation=str(root / "run"), output=str(root / "dataset"), validation_fraction=0.2))
    write_run(root / "results", 6, {"none": [0, 1], "bc": [2]})
    names = ["run", "dataset", "results", "new", "notes", "broken_checkpoint", "bad_journal", "missing"]
    paths = {name: root / name for name in names}
    paths |= {name: root / f"{name}.jsonl" for name in ("raw", "responses", "questions")}
    paths |= {name: root / f"{name}.txt" for name in ("file", "secret")}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        quoted = {name: shlex.quote(str(path)) for name, path in paths.items()}
        yield World(root, {**quoted, "taken_port": str(taken.getsockname()[1]), "far": "http://192.0.2.1/v1"})


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that nobody may write to, with a file that nobody may read; where we are root, we are nobody."""
    for module in ENTRY_POINTS:
        main_of(module)
    folder = Path(tempfile.mkdtemp())
    (folder / "unreadable.jsonl").touch(mode=0)
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def nothing_is_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.delenv("SUBQ_DATA", raising=False)


def main_of(module: str) -> Callable[[list[str]], int]:
    path = f"{module}.__main__" if name_of_package(module) else module
    return importlib.import_module(path).main


def name_of_package(module: str) -> bool:
    return any(name_of(path) == f"{module}.__main__" for path in MODULES)


def refused(module: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that an entry point answers bad words with."""
    capsys.readouterr()
    assert main_of(module)(words) == 2
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.strip()]
    assert lines[-1].startswith("error: "), error
    assert "Traceback" not in error
    return lines[-1]


def test_every_entry_point_has_rows() -> None:
    assert len(ENTRY_POINTS) > 20
    assert sorted(ROWS) == ENTRY_POINTS


@pytest.mark.parametrize("row", [row for module in ROWS for row in rows_of(module)], ids=str)
def test_bad_input_is_one_line_and_exit_code_2(row: Row, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(row.module, world.words(row), capsys)
    expected = row.said or Path(row.bad).parts[0]
    assert expected in line


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("dataset_builder.generate", "--problems micro_gsm --limit 1 --model m --output {}/new"),
        ("dataset_builder.generate", "--problems {}/unreadable.jsonl --limit 1 --model m --output {}/open/new"),
        ("dataset_builder.build", "--generation run --output {}/new"),
        ("dataset_builder.llm.journal", "run --export {}/new.jsonl"),
        ("eval_harness.run", "--source micro_gsm --limit 1 --solvers openai:m --output {}/new"),
        ("eval_harness.run", "--source {}/unreadable.jsonl --solvers openai:m --output {}/open/new"),
        ("eval_harness.browse", "--results results --output {}/page.html"),
        ("recipes.train", "--config {}/unreadable.jsonl"),
    ],
)
def test_a_place_that_one_may_not_use_is_named(
    module: str, words: str, locked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert str(locked) in refused(module, words.replace("{}", str(locked)).split(), capsys)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["dataset_builder.llm.journal", "eval_harness.report", "recipes.merge"])
def test_the_shell_gets_exit_code_2_and_one_line(module: str, tmp_path: Path) -> None:
    words = ["--checkpoint"] if module == "recipes.merge" else []
    command = [sys.executable, "-m", module, *words, str(tmp_path / "missing")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def config_class(module: str, monkeypatch: pytest.MonkeyPatch) -> type:
    """What an entry point's command line is read into."""
    asked: list[type] = []
    fields_of = grammar.fields_of

    def noting(config: type) -> Any:
        asked.append(config)
        return fields_of(config)

    with monkeypatch.context() as patch:
        patch.setattr(grammar, "fields_of", noting)
        main_of(module)(["--nonsense"])
    return asked[0]


@pytest.mark.parametrize("module", [name for name in ENTRY_POINTS if name not in WITHOUT_OPTIONS])
def test_an_option_that_cannot_be_is_refused_by_name(
    module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = grammar.fields_of(config_class(module, monkeypatch))
    assert "--nonsense" in refused(module, ["--nonsense"], capsys)
    for name, (kind, _, option) in fields.items():
        limits = option.metadata["limits"]
        wrong = {
            int: ["1.5", "many", *([str(limits["least"] - 1)] if "least" in limits else [])],
            float: ["nan", "inf", "much", *([str(limits["least"] - 1)] if "least" in limits else [])],
            bool: ["perhaps"],
        }.get(kind, [])
        for value in wrong:
            assert name in refused(module, [f"--{name}={value}"], capsys)
        assert limits or kind not in (int, float) or name == "seed", f"{name} has no limits"
        if choices := option.metadata["choices"]:
            line = refused(module, [f"--{name}=nonsense"], capsys)
            assert len(choices) > MANY_NAMES or all(choice in line for choice in choices)
