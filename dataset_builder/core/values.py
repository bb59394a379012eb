"""What no run could use is refused at the door, by its option's name: before anything is read, loaded or paid.

--limit must be at least 1, found 0
--rule: no 'first_maker', did you mean 'first_marker'? valid: first_marker, flexible, last_number, paper_2402
--output outputs/x: outputs is a file, so nothing can be written below it; name another path
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib.util
import math
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_builder.core.errors import UserError
from dataset_builder.door.extras import extra_message

MANY_NAMES = 24
"""More are not listed beside the nearest."""
_LIMITS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "least": (operator.ge, "at least"),
    "most": (operator.le, "at most"),
    "above": (operator.gt, "above"),
}


def check_values(config: Any, section: str = "") -> None:
    """Refuses what no run could use: a number outside its limits, an unknown choice, a path that nothing can go to.

    Args:
        config: a dataclass whose fields were made with `option`.
        section: what its keys begin with, for the message: "ilql.".

    Raises:
        UserError: the first such value, by its option's name.
    """
    for field in dataclasses.fields(config):
        given, name = getattr(config, field.name), f"--{section}{field.name}"
        for value in given if isinstance(given, list) else [given]:
            if isinstance(value, (int, float)):
                _check_limits(name, value, field.metadata.get("limits", {}))
            elif isinstance(value, str) and value:
                _check_choice(name, value, field.metadata.get("choices") or ())
                check_writable(name, Path(value), field.metadata.get("writes", ""))


def nearest(word: str, known: Sequence[str]) -> str:
    """The end of an error about an unknown word: the nearest known one and, unless they are many, all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    meant = f", did you mean {close[0]!r}?" if close else ""
    if close and len(known) > MANY_NAMES:
        return meant
    return f"{meant} valid: {', '.join(known)}" if meant else f"; valid: {', '.join(sorted(known))}"


def _check_limits(name: str, number: float, limits: Mapping[str, float]) -> None:
    if not math.isfinite(number):
        raise UserError(f"{name} must be a number, found {number}")
    for limit, bound in limits.items():
        holds, words = _LIMITS[limit]
        if not holds(number, bound):
            raise UserError(f"{name} must be {words} {bound:g}, found {number:g}")


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if choices and value not in choices:
        raise UserError(f"{name}: no {value!r}{nearest(value, choices)}")


def check_writable(name: str, path: Path, kind: str) -> None:
    """Refuses a path that no file or folder can be written to, before anything is loaded or paid; makes nothing.

    Args:
        name: the option that gives it.
        path: where to.
        kind: "file" or "folder"; empty: nothing is written there.

    Raises:
        UserError: something else is in its place or above it, or the user may not write there.
    """
    if not kind:
        return
    wrong = path.is_dir() if kind == "file" else path.exists() and not path.is_dir()
    if wrong:
        raise UserError(f"{name} {path}: expected a {kind} to write, found a {'folder' if kind == 'file' else 'file'}")
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if there != path and not there.is_dir():
        raise UserError(f"{name} {path}: {there} is a file, so nothing can be written below it; name another path")
    wanted, effective = os.W_OK | (os.X_OK if there.is_dir() else 0), os.access in os.supports_effective_ids
    if not os.access(there, wanted, effective_ids=effective):
        raise UserError(f"{name} {path}: you may not write to {there}; name another path")


def check_installed(package: str) -> None:
    """Refuses what would end at a missing package, before anything is loaded or paid.

    Raises:
        UserError: the package is not installed.
    """
    if importlib.util.find_spec(package) is None:
        raise UserError(extra_message(package) or f"this needs {package}, which is not installed")
