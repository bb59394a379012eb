"""How many logits the loss of a CPU holds at once; planning reads it, so importing this file loads no torch."""

from __future__ import annotations

KEPT_LOGITS = 2**27
"""Kept for the backward pass (half a GiB of float32); more are computed again, a part at a time."""
PART = 2**25
"""Of such a part."""
