"""ILQL's constants and settings that planning and loading read, too; importing this file loads no torch."""

from __future__ import annotations

TWINS = 2
"""Q heads; the smaller of their values counts."""
HEAD_KINDS = ("mlp", "low_rank", "linear")
"""Shapes of a Q head, see `heads`."""
HEAD_RANK = 64
"""Width of the inner layer of `low_rank` heads."""
CHUNK = 256
"""Actions whose scores over the vocabulary are held at once."""
