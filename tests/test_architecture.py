"""The house stays as it was planned: imports go one way, light rooms stay light, and each thing has one home."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("dataset_builder", "recipes", "eval_harness", "model_cards")  # each may import those before it, and itself
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HEAVY = ("torch", "transformers", "trl", "peft", "evaluate", "datasets", "bitsandbytes")


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Full names of the modules a file imports; `if TYPE_CHECKING:` blocks do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.iter_child_nodes(tree) if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    later = PACKAGES[PACKAGES.index(package) + 1 :]
    assert [name for name in imports(path) if name.split(".")[0] in (*later, "tests")] == []


@pytest.mark.parametrize("path", [path for path in MODULES if "dataset_builder" in path.parts], ids=name_of)
def test_dataset_builder_imports_nothing_heavy_at_its_top(path: Path) -> None:
    if path.name == "gsm8k_ai_subq.py":
        pytest.skip("the `datasets` builder class must subclass `datasets`")
    assert [name for name in imports(path, top_level_only=True) if name.split(".")[0] in HEAVY] == []


@pytest.mark.parametrize("leaf", ["schema", "prompts", "answers", "llm", "core"])
def test_leaves_import_nothing_of_ours_but_errors(leaf: str) -> None:
    folder = ROOT / "dataset_builder" / leaf
    files = sorted(folder.rglob("*.py"))
    allowed = ("dataset_builder.core", "dataset_builder.schema", f"dataset_builder.{leaf}")
    ours = [name for file in files for name in imports(file) if name.startswith("dataset_builder.")]
    assert [name for name in ours if not name.startswith(allowed)] == []


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
    homes = ("llm", "sources", "hub", "micro_gsm")
    if any(home in part for part in path.relative_to(ROOT).parts for home in homes):
        return
    clients = ("openai", "aiohttp", "httpx", "httpx2", "requests", "urllib.request")
    assert [name for name in imports(path) if name.startswith(clients)] == []


def test_trust_remote_code_stays_off() -> None:
    found = [name_of(path) for path in MODULES if re.search(r"trust_remote_code\s*=\s*True", path.read_text("utf-8"))]
    assert found == []


def test_no_file_is_longer_than_a_reader_bears() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}
