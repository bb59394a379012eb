"""Whether a launcher spreads one copy of the weights over its processes; importing this file loads no torch."""

from __future__ import annotations

import os


def weights_are_sharded() -> bool:
    """FSDP or DeepSpeed ZeRO-3, as `accelerate launch` says in the environment."""
    return any(os.environ.get(f"ACCELERATE_USE_{name}", "false") == "true" for name in ("FSDP", "DEEPSPEED"))
