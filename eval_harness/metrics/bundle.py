"""Copies a metric's folder with the few modules it imports, so that `evaluate.load` works without this project.

Every module of ours becomes one file beside the script, named by its full name with "_" for ".", and each import of
ours becomes a relative one. `evaluate` copies only files that the script itself names in an import line, so the script
gets such a line for every file.

    subq_accuracy/                         bundle/
      subq_accuracy.py                       subq_accuracy.py          from .dataset_builder_answers_grading import ...
      README.md app.py requirements.txt      README.md app.py requirements.txt
                                             dataset_builder_answers_grading.py, dataset_builder_answers_rules.py, ...
"""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
METRICS = Path(__file__).parent
BESIDE = ("README.md", "app.py", "requirements.txt")
_OURS = ("dataset_builder", "eval_harness")
_MARK = "# evaluate copies only what this script names:\n"


def metric_names() -> list[str]:
    """The metrics of this project."""
    return sorted(path.parent.name for path in METRICS.glob("*/README.md"))


def bundle_metric(name: str, target: Path) -> dict[str, Path]:
    """Writes the self-contained metric into `target` and returns its files by their name in a repository."""
    target.mkdir(parents=True, exist_ok=True)
    script = METRICS / name / f"{name}.py"
    modules = needed_modules(script)
    for module, path in modules.items():
        (target / f"{_flat(module)}.py").write_text(relative_imports(path), encoding="utf-8")
    named = "".join(f"from .{_flat(module)} import __name__ as _{_flat(module)}\n" for module in modules)
    head, ours, rest = _split_at_imports(relative_imports(script))
    (target / script.name).write_text(f"{head}{ours}{_MARK}{named}{rest}", encoding="utf-8")
    for file in BESIDE:
        shutil.copyfile(METRICS / name / file, target / file)
    names = [script.name, *BESIDE, *(f"{_flat(module)}.py" for module in modules)]
    return {file: target / file for file in names}


def needed_modules(script: Path) -> dict[str, Path]:
    """The modules of ours that a script needs, directly or through another, by their full name."""
    modules: dict[str, Path] = {}
    waiting = [script]
    while waiting:
        for node in _our_imports(waiting.pop().read_text(encoding="utf-8")):
            module = str(node.module)
            if module not in modules:
                modules[module] = _module_path(module)
                waiting.append(modules[module])
    return dict(sorted(modules.items()))


def relative_imports(path: Path) -> str:
    """A module's source with every import of ours as one line that names the flat file beside it."""
    source = path.read_text(encoding="utf-8")
    lines = source.split("\n")  # as Python counts lines; splitlines() knows further line ends
    for node in sorted(_our_imports(source), key=lambda node: -node.lineno):
        names = ", ".join(ast.unparse(alias) for alias in node.names)
        line = f"{' ' * node.col_offset}from .{_flat(str(node.module))} import {names}"
        lines[node.lineno - 1 : node.end_lineno] = [line]
    return "\n".join(lines)


def _our_imports(source: str) -> list[ast.ImportFrom]:
    """The imports of ours in a source.

    Raises:
        ValueError: one is of a form that cannot be made relative.
    """
    modules = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import) and any(alias.name.split(".")[0] in _OURS for alias in node.names):
            raise ValueError(f"line {node.lineno}: write `from {node.names[0].name} import ...`")
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in _OURS:
            modules.append(node)
    return modules


def _module_path(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _flat(module: str) -> str:
    return module.replace(".", "_")


def _split_at_imports(source: str) -> tuple[str, str, str]:
    """What stands before the first relative import, those imports, and what follows the last."""
    lines = source.splitlines(keepends=True)
    imports = [index for index, line in enumerate(lines) if line.startswith("from .")]
    first, last = imports[0], imports[-1] + 1
    return "".join(lines[:first]), "".join(lines[first:last]), "".join(lines[last:])
