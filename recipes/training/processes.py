"""Which of several training processes this one is; a launcher says so in the environment."""

from __future__ import annotations

import os
from typing import Any


def world_size() -> int:
    """How many processes train together, as the launcher says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this process writes the output."""
    return int(os.environ.get("RANK", "0")) == 0


def weights_are_sharded() -> bool:
    """Whether the launcher spreads one copy of the weights over the processes (FSDP, DeepSpeed ZeRO-3)."""
    return any(os.environ.get(f"ACCELERATE_USE_{name}", "false") == "true" for name in ("FSDP", "DEEPSPEED"))


def wait_for_all() -> None:
    """Returns when every process has come here; at once where there is one."""
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()


def sum_of_all(values: Any) -> Any:
    """The sum of a tensor over the processes."""
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
    return values


def part() -> None:
    """Ends the group of processes; a Python process that exits without is warned about."""
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
