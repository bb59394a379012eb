"""GPUs of this machine, handed out one by one: a scheduler does that on a cluster, nobody does it here.

A GPU is taken by a lock on `TMPDIR/gsm8k-ai-subq-gpus-USER/ID.lock`, so that two studies of one machine share its
GPUs, and a killed step gives its own back. `CUDA_VISIBLE_DEVICES`, where it is set, says which there are.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dataset_builder.core.errors import UserError
from dataset_builder.core.locks import lock_file, unlock_file

POLL_S = 2.0


def gpus_here() -> list[str]:
    """Ids of the GPUs that steps may use, as CUDA_VISIBLE_DEVICES takes them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [word.strip() for word in named.split(",") if word.strip() not in ("", "-1", "NoDevFiles")]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return []


@contextlib.contextmanager
def taken_gpus(count: int) -> Iterator[list[str]]:
    """So many GPUs of this machine for this process; waits until they are free.

    Raises:
        UserError: the machine has fewer.
    """
    ids = gpus_here()
    if count > len(ids):
        raise UserError(f"{count} GPUs are needed and {len(ids)} are here; run the study with --profile slurm, or so")
    held: dict[str, int] = {}
    try:
        while len(held) < count:
            held |= _lock_free(ids, count - len(held), held)
            if len(held) < count:
                for descriptor in held.values():  # two that wait for each other's would wait for ever
                    unlock_file(descriptor)
                held = {}
                time.sleep(POLL_S)
        yield list(held)
    finally:
        for descriptor in held.values():
            unlock_file(descriptor)


def _lock_free(ids: list[str], count: int, held: dict[str, int]) -> dict[str, int]:
    folder = Path(tempfile.gettempdir()) / f"gsm8k-ai-subq-gpus-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found: dict[str, int] = {}
    for name in ids:
        if len(found) < count and name not in held:
            with contextlib.suppress(UserError):
                found[name] = lock_file(folder / name, "")
    return found
