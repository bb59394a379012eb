"""The house stays as it was planned: imports go one way, light rooms stay light, and each thing has one home."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.house import MODULES, PACKAGES, is_entry_point, name_of

HEAVY = ("torch", "transformers", "trl", "peft", "evaluate", "datasets", "bitsandbytes")

ROOMS = {
    "dataset_builder": "door core schema answers text prompts llm solving micro_gsm sources hub dataset_folder stats "
    "generate build push",
    "recipes": "config models data training methods planning jobs",
    "eval_harness": "records scoring metrics systems pipeline reporting reproduction runs study",
    "model_cards": "card space",
}
"""The folders of each package, ground floor first: each may import those before it, and itself."""

MOST_MODULES = 14
MOST_LINES = 400


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Full names of the modules a file imports, lazily or for its types, too."""
    tree = tree_of(path)
    nodes = ast.iter_child_nodes(tree) if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from inside
            if not all(name in NAMES for name in inside):  # else: modules of that folder, nothing of its own
                yield node.module


NAMES = {name_of(path): path for path in MODULES}


def room_of(name: str) -> tuple[str, str]:
    """Package and folder of a module; "" for the files at the package's top."""
    package, *rest = name.split(".")
    return package, rest[0] if rest and rest[0] in ROOMS[package].split() else ""


IMPORTS = {
    name: {other for other in imports(path) if other in NAMES and other != name} for name, path in NAMES.items()
}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    later = PACKAGES[PACKAGES.index(package) + 1 :]
    assert [name for name in imports(path) if name.split(".")[0] in (*later, "tests")] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_of_a_package_import_one_way(package: str) -> None:
    order = ROOMS[package].split()
    assert sorted(order) == sorted(folder.parent.name for folder in (ROOT / package).glob("*/__init__.py"))
    wrong = [
        f"{name} imports {other}"
        for name, others in IMPORTS.items()
        for other in others
        if (importer := room_of(name))[0] == package == (imported := room_of(other))[0]
        and importer[1]
        and other != package
        and (not imported[1] or order.index(imported[1]) > order.index(importer[1]))
    ]
    assert wrong == []


def test_no_file_imports_itself_through_others() -> None:
    done: set[str] = set()

    def circle(name: str, path: tuple[str, ...]) -> tuple[str, ...]:
        if name in path:
            return (*path[path.index(name) :], name)
        if name in done:
            return ()
        result = next((way for other in sorted(IMPORTS[name]) if (way := circle(other, (*path, name)))), ())
        done.add(name)
        return result

    assert [way for name in sorted(IMPORTS) if (way := circle(name, ()))] == []


def test_entry_points_are_imported_by_nobody() -> None:
    entries = {name for name, path in NAMES.items() if is_entry_point(path)}
    assert len(entries) > 15
    assert [f"{name} imports {other}" for name in NAMES for other in IMPORTS[name] & entries] == []


def test_no_folder_is_a_corridor() -> None:
    sizes = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): size for folder, size in sizes.items() if size > MOST_MODULES} == {}


@pytest.mark.parametrize("path", [path for path in MODULES if "dataset_builder" in path.parts], ids=name_of)
def test_dataset_builder_imports_nothing_heavy_at_its_top(path: Path) -> None:
    if path.name == "gsm8k_ai_subq.py":
        pytest.skip("the `datasets` builder class must subclass `datasets`")
    assert [name for name in imports(path, top_level_only=True) if name.split(".")[0] in HEAVY] == []


@pytest.mark.parametrize("room", ["label", "__main__"])
def test_labelling_and_building_never_reach_a_model(room: str) -> None:
    code = f"import sys, dataset_builder.build.{room}; print([m for m in sys.modules if 'builder.llm' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_scoring_through_an_api_needs_no_torch() -> None:
    code = (
        "import sys, eval_harness.run, eval_harness.replay; print([m for m in ('torch', 'trl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_http_clients_are_used_only_where_a_model_or_a_file_is_fetched(path: Path) -> None:
    if room_of(name_of(path)) in [("dataset_builder", room) for room in ("llm", "sources", "hub", "micro_gsm")]:
        return
    clients = ("openai", "aiohttp", "httpx", "httpx2", "requests", "urllib.request")
    assert [name for name in imports(path) if name.startswith(clients)] == []


def constants(path: Path) -> Iterator[str]:
    """The strings of a file that are no docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_numbers_are_read_from_text_only_by_answers(path: Path) -> None:
    """A pattern of digits with a decimal mark is a reading of numbers; there is one."""
    if room_of(name_of(path)) == ("dataset_builder", "answers"):
        return
    number = re.compile(r"(\\d|\[0-9\])[+*]?[^ ]{0,6}(\\\.|\[\.,\]|\[,\.\])[^ ]{0,6}(\\d|\[0-9\])")
    assert [text for text in constants(path) if number.search(text)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_models_are_told_what_to_do_only_by_the_locked_prompts(path: Path) -> None:
    instructions = ("step by step", "Answer the question", "Break the problem", "You are ")
    assert [text for text in constants(path) if any(words in text for words in instructions)] == []


def test_recipes_are_reached_by_the_harness_only_where_models_run_or_studies_are_planned() -> None:
    homes = (
        "eval_harness.systems.",
        "eval_harness.runs.",
        "eval_harness.study.",
    )  # and where their records are listed
    assert [
        f"{name} imports {other}"
        for name in NAMES
        for other in IMPORTS[name]
        if other.startswith("recipes.") and name.startswith("eval_harness.") and not name.startswith(homes)
    ] == []


def test_trust_remote_code_stays_off() -> None:
    result = [name_of(path) for path in MODULES if re.search(r"trust_remote_code\s*=\s*True", path.read_text("utf-8"))]
    assert result == []


def test_no_file_is_longer_than_a_reader_bears() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}
