"""The prompts: one plain-text file per name and version, pinned by sha256 in `prompts.lock.json`.

A prompt is never edited in place: a new wording is a new file with the next version, so that a recorded reply always
names the text that asked for it. `python -m dataset_builder.prompts` rewrites the lock after a file was added.
The worked examples are our own; none is an item of GSM8K or of another benchmark (`tests` check it).
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.files import read_text, write_json

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

    @property
    def reference(self) -> str:
        """What records hold: "decompose.v1@" and the first 12 digits of the hash."""
        return f"{self.name}@{self.sha256[:12]}"

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


@functools.cache
def load_prompt(name: str) -> Prompt:
    """The prompt called `name` ("decompose.v1").

    Raises:
        UserError: there is no such prompt, or its text is not the locked one.
    """
    path = FOLDER / f"{name}.txt"
    if not path.is_file():
        known = ", ".join(sorted(prompt.stem for prompt in FOLDER.glob("*.txt")))
        raise UserError(f"no prompt {name!r}; there are {known}")
    prompt = _read_prompt(path)
    locked = json.loads(LOCK.read_text(encoding="utf-8")).get(name)
    if locked != prompt.sha256:
        raise UserError(f"prompt {name} differs from prompts.lock.json; give a new wording a new version instead")
    return prompt


def worked_examples(text: str) -> list[str]:
    """The problems that a prompt's text shows solved, a passage before its question."""
    found = re.finditer(r"^(?:Problem|Question): (.+(?:\n\n[^\n:]+\?$)?)", text, re.MULTILINE)
    return [match[1] for match in found if "{" not in match[1]]


def write_lock() -> None:
    """Locks every prompt file as it is now."""
    write_json(LOCK, {path.stem: _read_prompt(path).sha256 for path in sorted(FOLDER.glob("*.txt"))})


def _read_prompt(path: Path) -> Prompt:
    text = read_text(path).rstrip("\n")
    return Prompt(path.stem, text, hashlib.sha256(text.encode()).hexdigest())
