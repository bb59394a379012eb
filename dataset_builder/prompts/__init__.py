"""The prompts: one plain-text file per name and version, pinned by sha256 in `prompts.lock.json`.

    load_prompt("decompose.v1")      one of this folder
    load_prompt("my/physics.txt")    your own, by path: records hold its text and hash

A prompt of this folder is never edited in place: a new wording is a new file with the next version, so that a recorded
reply always names the text that asked for it. `python -m dataset_builder.prompts` locks what was added. The worked
examples are our own; none is an item of GSM8K or of another benchmark (`tests` check it).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text

FOLDER = Path(__file__).parent
LOCK = FOLDER / "prompts.lock.json"


@dataclass(frozen=True)
class Prompt:
    """One prompt."""

    name: str
    """Of its file: "decompose.v1"."""
    text: str
    """With `{name}` where a value goes."""
    sha256: str
    """Of the text, in hex."""
    is_own: bool = False
    """A user's file, whose text no release of this toolkit holds."""

    @property
    def reference(self) -> str:
        """What records hold: "decompose.v1@" and the first 12 digits of the hash."""
        return f"{self.name}@{self.sha256[:12]}"

    @property
    def record(self) -> dict[str, str]:
        """Name and hash for a run's record, and the text where it is known nowhere else."""
        return {"name": self.name, "sha256": self.sha256} | ({"text": self.text} if self.is_own else {})

    def fill(self, **values: str) -> str:
        """The text with each `{name}` replaced by its value; braces inside the values stay as they are.

        Raises:
            UserError: a value has no place in the text.
        """
        head, *rest = self.text.split("{")
        filled = [head]
        seen = set()
        for piece in rest:
            name, closed, tail = piece.partition("}")
            if closed and name in values:
                seen.add(name)
                filled.append(values[name] + tail)
            else:
                filled.append("{" + piece)
        if missing := set(values) - seen:
            raise UserError(f"prompt {self.name} has no place for {', '.join(sorted(missing))}; name another prompt")
        return "".join(filled)


def load_prompt(name: str) -> Prompt:
    """The prompt called `name` ("decompose.v1"), or the user's own at that path ("my/physics.txt").

    Raises:
        UserError: there is no such prompt or file, or a text of this folder is not the locked one.
    """
    path = Path(name)
    if path.suffix == ".txt" or path.name != name:
        if not path.is_file():
            raise UserError(f"no prompt file {name}; give the path of a text with a place for {{problem}}")
        return dataclasses.replace(_read_prompt(path), is_own=True)
    return _locked_prompt(name)


@functools.cache
def _locked_prompt(name: str) -> Prompt:
    path = FOLDER / f"{name}.txt"
    if not path.is_file():
        known = ", ".join(sorted(prompt.stem for prompt in FOLDER.glob("*.txt")))
        raise UserError(f"no prompt {name!r}; there are {known}, or give the path of a text file of your own")
    prompt = _read_prompt(path)
    locked = read_lock().get(name)
    if locked is None:
        raise UserError(f"prompt {name} is not locked yet; `python -m dataset_builder.prompts` locks it")
    if locked != prompt.sha256:
        raise UserError(
            f"prompt {name} differs from prompts.lock.json; give a new wording a new version or a path of its own "
            "instead, or lock it as it is: `python -m dataset_builder.prompts --changed`"
        )
    return prompt


def worked_examples(text: str) -> list[str]:
    """The problems that a prompt's text shows solved, a passage before its question."""
    found = re.finditer(r"^(?:Problem|Question): (.+(?:\n\n[^\n:]+\?$)?)", text, re.MULTILINE)
    return [match[1] for match in found if "{" not in match[1]]


def read_lock() -> dict[str, str]:
    """The locked hashes by prompt."""
    lock: dict[str, str] = json.loads(LOCK.read_text(encoding="utf-8"))
    return lock


def current_hashes() -> dict[str, str]:
    """The hashes of the prompt files as they are now."""
    return {path.stem: _read_prompt(path).sha256 for path in sorted(FOLDER.glob("*.txt"))}


def _read_prompt(path: Path) -> Prompt:
    text = read_text(path).rstrip("\n")
    return Prompt(path.stem, text, hashlib.sha256(text.encode()).hexdigest())
