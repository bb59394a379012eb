"""What the site holds beyond docs/: READMEs as they are, every command's --help, and the public names of the packages.

Pages of `READMES` are files of the repository; links between files become links between pages, or to the repository
where a file has no page. The API page lists `__all__` of each public module; a public name without words is a warning,
which `mkdocs build --strict` takes as an error.
"""

from __future__ import annotations

import logging
import os
import posixpath
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parents[1]))

from dataset_builder.door.commands import GROUPS  # imports nothing that this environment lacks

LOG = logging.getLogger("mkdocs.hooks.site")
ROOT = Path(__file__).parents[1]
PACKAGES = ("dataset_builder", "recipes", "eval_harness", "model_cards")
READMES = {
    "index.md": "README.md",
    **{f"packages/{package}.md": f"{package}/README.md" for package in PACKAGES},
    "reference/backbones.md": "recipes/configs/README.md",
    "reference/methods.md": "recipes/methods/README.md",
    "reference/benchmarks.md": "tests/benchmarks/README.md",
    "reference/gpu.md": "tests/benchmarks/gpu/README.md",
    "results/reproduction.md": "eval_harness/reproduction/README.md",
    "results/offline_rl.md": "recipes/experiments/offline_rl/README.md",
    "results/offline_rl_log.md": "recipes/experiments/offline_rl/LOG.md",
    "results/online_rl.md": "recipes/experiments/online_rl/README.md",
    "results/online_rl_log.md": "recipes/experiments/online_rl/LOG.md",
    "results/smollm2.md": "recipes/experiments/smollm2/README.md",
    "how-to/studies.md": "eval_harness/studies/README.md",
    "how-to/study_runs.md": "eval_harness/study/README.md",
    "contributing.md": ".github/CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Page -> the file it is."""
PAGES = {source: page for page, source in READMES.items()}
HOOKS = ("leak-guard",)
"""Run by pre-commit, not by a user: they have no options and no help."""
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s]+)(\))")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are made."""
    made = {page: (ROOT / source).read_text(encoding="utf-8") for page, source in READMES.items()}
    made |= {"reference/cli.md": commands_page(), "reference/api.md": api_page(), "glossary.md": glossary_page()}
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    files.remove(files.src_uris["llms.txt"])
    files.append(File.generated(config, "llms.txt", content=llms_text()))
    for page, source in READMES.items():
        for picture in re.findall(r"!\[[^\]]*\]\((?![a-z]+:)([^)\s]+)\)", made[page]):
            place, file = posixpath.join(posixpath.dirname(page), picture), (ROOT / source).parent / picture
            files.append(File.generated(config, place, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links as the repository has them -> as the site has them."""
    here = page.file.src_uri
    source = READMES.get(here, f"docs/{here}")
    return LINK.sub(lambda found: _link(found, here, source), markdown)


def _link(found: re.Match[str], here: str, source: str) -> str:
    opening, link, closing = found.groups()
    if re.match(r"[a-z]+:|#", link):
        return found[0]
    name, _, anchor = link.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), name))
    if opening.startswith("!") and not source.startswith("docs/"):
        return found[0]  # on_files puts it where the README has it
    if target.startswith("docs/") or target in PAGES:
        place = PAGES.get(target, target.removeprefix("docs/"))
        link = posixpath.relpath(place, posixpath.dirname(here) or ".") + (f"#{anchor}" if anchor else "")
    elif repository := _repository():
        link = f"{repository}/blob/main/{target}"
    else:
        return opening.lstrip("!")[1:-2]
    return opening + link + closing


def _repository() -> str:
    """Its address, as pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project.get("urls", {}).get("Repository", "")).removesuffix("/")


def llms_text() -> str:
    """docs/llms.txt with the addresses that its pages have on the site."""
    text = (ROOT / "docs" / "llms.txt").read_text(encoding="utf-8")
    linked = LINK.sub(lambda found: _link(found, "index.md", "docs/llms.txt"), text)
    return linked.replace(".md)", "/)")


def glossary_page() -> str:
    """The words of CONTRIBUTING, which is their home."""
    words = (ROOT / ".github/CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n## Words\n")[2]
    return f"# Glossary\n{words.partition(chr(10) + '## ')[0]}"


# --- commands --------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command of `subq` with its help, as it prints it, in the order of the flow."""
    parts = ["# Commands\n", f"```text\n{_help()}\n```\n"]
    for title, commands in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [
            f"### subq {command.name}\n\n{command.help}; `python -m {command.module}`\n\n"
            f"```text\n{_help(command.name)}\n```\n"
            for command in commands
            if command.name not in HOOKS
        ]
    return "\n".join(parts)


def _help(*command: str) -> str:
    python = os.environ.get("SUBQ_PYTHON") or str(ROOT / ".venv" / "bin" / "python")
    environment = {**os.environ, "COLUMNS": "96", "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run(
        [python, "-m", "dataset_builder.subq", *command, "--help"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        LOG.warning("subq %s --help failed: %s", " ".join(command), done.stderr.strip())
    return done.stdout.strip()


# --- public names ----------------------------------------------------------------------------------------


def public_modules() -> Iterator[tuple[griffe.Module, list[str]]]:
    """Each module with an `__all__`, and the names in it."""
    for package in PACKAGES:
        yield from _public(griffe.load(package, search_paths=[str(ROOT)], resolve_aliases=True))


def _public(module: griffe.Module) -> Iterator[tuple[griffe.Module, list[str]]]:
    if module.exports:
        yield module, [str(name) for name in module.exports]
    for inner in module.modules.values():
        if not inner.is_alias:
            yield from _public(inner)


def api_page() -> str:
    """The public names, module by module."""
    parts = ["# Python\n\nThe public names; everything else may change between two versions.\n"]
    for module, names in public_modules():
        about = module.docstring.value.partition("\n\n")[0] if module.docstring else ""
        parts.append(f"## {module.path}\n\n{about}\n")
        for name in names:
            found = module[name]
            for place in unsaid(found):
                LOG.warning("public name without a docstring: %s.%s%s", module.path, name, place)
            parts.append(f"::: {found.target_path if found.is_alias else found.path}\n")
    return "\n".join(parts)


def unsaid(found: griffe.Object | griffe.Alias) -> list[str]:
    """ "" where a public name has no docstring, ".field" where one of its public members has none."""
    missing = [] if found.has_docstring else [""]
    if found.is_class:
        missing += [
            f".{name}"
            for name, member in found.members.items()
            if not name.startswith("_") and not member.is_alias and not member.has_docstring
        ]
    return missing
