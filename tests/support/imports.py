"""Which packages of others a module of ours can import, however far away."""

from __future__ import annotations

import ast
import sys

from tests.conftest import ROOT

OURS = ("dataset_builder", "recipes", "eval_harness", "model_cards")


def imported_from(module: str) -> set[str]:
    """The packages of others that a module of ours imports, directly or through others of ours, lazily or not."""
    waiting, seen, others = [module], set(), set()
    while waiting:
        name = waiting.pop()
        path = ROOT.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name in seen or not path.is_file():
            continue
        seen.add(name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            waiting += [item for item in names if item.split(".")[0] in OURS]
            others |= {item.split(".")[0] for item in names if item.split(".")[0] not in OURS}
    return others - sys.stdlib_module_names
