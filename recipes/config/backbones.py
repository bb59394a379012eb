"""The backbones by name, one file each in `recipes/configs/backbones`: what they are, and the keys they decide.

    backbone_named("mistral") -> Backbone(name="mistral-7b", family="llm", size="large", ...)

A new backbone is one such file; its memory is planned from its `shape`, its licence stands in its models' cards.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.core.config import read_yaml
from dataset_builder.core.errors import UserError
from dataset_builder.core.values import nearest

CONFIGS = Path(__file__).parents[1] / "configs"
FAMILIES = ("gpt2", "llm", "tiny")
SIZES = ("small", "large")


@dataclass(frozen=True)
class Backbone:
    """One file of `recipes/configs/backbones`."""

    name: str
    """The file's name; also the folder of its runs under outputs/."""
    family: str
    """Which section of a method's file holds for it, one of FAMILIES."""
    keys: Mapping[str, Any]
    """The keys of a recipe that it decides, as written."""
    adapters: tuple[str, ...]
    """What it can be trained with; the first is the default."""
    size: str = ""
    """small: below 7 billion weights; large: from there on. Methods choose their learning rate by it."""
    alias: str = ""
    """A second, shorter name."""
    licence: str = ""
    """Of the weights, as the Hub names it; empty: built here."""
    shape: Mapping[str, Any] | None = None
    """Fields of `planning.shapes.Shape`; None: built here, from the recipe's own keys."""

    @property
    def hub_id(self) -> str:
        """What is loaded."""
        return str(self.keys["backbone"])


@functools.cache
def backbones() -> dict[str, Backbone]:
    """Every backbone by name."""
    return {path.stem: _read(path) for path in sorted((CONFIGS / "backbones").glob("*.yaml"))}


def find_backbone(word: str) -> Backbone | None:
    """The backbone of that name, alias or Hub id; None: it has no file."""
    return next(
        (known for known in backbones().values() if word in (known.name, known.alias or None, known.hub_id)), None
    )


def backbone_named(word: str) -> Backbone:
    """The backbone of that name, alias or Hub id.

    Raises:
        UserError: no file.
    """
    if (backbone := find_backbone(word)) is None:
        raise UserError(f"no backbone {word!r} in recipes/configs/backbones{nearest(word, list(backbones()))}")
    return backbone


def _read(path: Path) -> Backbone:
    values = read_yaml(path)
    about = {name: values.pop(name) for name in ("family", "size", "alias", "licence", "shape") if name in values}
    adapters = tuple(values.pop("adapters", ()))
    if about.get("family") not in FAMILIES or not adapters or "backbone" not in values:
        raise UserError(f"{path} must hold backbone, adapters and family (one of {', '.join(FAMILIES)})")
    if about["family"] == "llm" and about.get("size") not in SIZES:
        raise UserError(f"{path}: size must be one of {', '.join(SIZES)}, found {about.get('size')!r}")
    return Backbone(path.stem, keys=values, adapters=adapters, **about)
