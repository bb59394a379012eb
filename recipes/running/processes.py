"""Which of several training processes this one is; a launcher says so in the environment."""

from __future__ import annotations

import os


def world_size() -> int:
    """How many processes train together, as the launcher says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this process writes the output."""
    return int(os.environ.get("RANK", "0")) == 0
