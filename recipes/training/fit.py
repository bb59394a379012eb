"""What a method's training gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes.training.record import Measured


@dataclass(frozen=True)
class Trained:
    """What a method's `train` gives back."""

    model: Any
    """Has `save_pretrained(folder)`; its parameters are counted for the record."""
    tokenizer: Any
    measured: Measured
    chosen: Path | None = None
    """A folder with earlier weights that were chosen over the model's last ones; None: the last are published."""
    saved: bool = False
    """The weights are in the output folder already: sharded ones can only be saved by all processes together."""
