"""The code of a Markdown page, block by block, and whether a line of it is a command that exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT
from tests.support.house import PACKAGES

FENCE = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block."""

    language: str
    """bash and python run; what has a title is a file; sh is checked and not run; text is what was printed."""
    title: str
    """The file it is, where it is one."""
    text: str
    """Without the fences."""


def blocks_of(path: Path) -> list[Block]:
    """The blocks of a page, those in tabs and lists included."""
    found = FENCE.finditer(path.read_text(encoding="utf-8"))
    return [
        Block(
            language,
            "".join(re.findall(r'title="([^"]+)"', rest)),
            re.sub(rf"^{indent}", "", text, flags=re.MULTILINE),
        )
        for indent, language, rest, text in (item.groups() for item in found)
    ]


def commands_of(block: Block) -> list[str]:
    """Its lines, those that a backslash continues joined, without comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines) if line]


def wrong_in(command: str) -> str:
    """What is wrong with a command of ours: a verb, a module or an option that is not there; else nothing."""
    words = shlex.split(command)
    if words[0] == "make":
        return _wrong_verb(words)
    if words[0] == "subq" and words[1:]:
        return _wrong_options(("dataset_builder.subq", words[1]), words[2:])
    if words[:2] == ["python", "-m"]:
        return _wrong_options((words[2],), words[3:])
    return ""


def _wrong_verb(words: list[str]) -> str:
    done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip()
    asked = [shlex.split(line) for line in done.stdout.replace("\\\n", " ").splitlines() if " -m " in line]
    run = [line[line.index("-m") + 1 :] for line in asked]
    ours = [line for line in run if line[0].partition(".")[0] in PACKAGES]
    return "; ".join(filter(None, (_wrong_options((line[0],), line[1:]) for line in ours)))


def _wrong_options(program: tuple[str, ...], words: list[str]) -> str:
    code, known = _help(program)
    if code:
        return known
    options = [word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)]
    return "; ".join(f"{program[-1]} has no {option}" for option in options if not re.search(rf"{option}\b", known))


@cache
def _help(program: tuple[str, ...]) -> tuple[int, str]:
    command = [sys.executable, "-m", *program, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
