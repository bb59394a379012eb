"""How SQLite keeps a journal whole: WAL where the disk is this machine's, DELETE on file systems of a network.

WAL shares memory between the processes that have a file open, which no two machines can: SQLite says that it does not
work over a network file system. DELETE keeps its rollback file beside the journal and asks the file system's locks
alone; a commit costs some milliseconds there. SUBQ_JOURNAL_MODE=wal or delete decides instead of what is found.

Source: https://sqlite.org/wal.html
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import psutil

from dataset_builder.core.errors import UserError

Mode = Literal["WAL", "DELETE"]
VARIABLE = "SUBQ_JOURNAL_MODE"
MODES: dict[str, Mode] = {"wal": "WAL", "delete": "DELETE"}
NETWORKED = (
    *("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "gluster", "orangefs", "pvfs", "panfs", "wekafs"),
    *("afs", "9p", "fuse."),
)
"""How the names of such file systems begin; what FUSE mounts (sshfs, a bucket) is taken for one."""


def mode_for(path: Path) -> Mode:
    """The mode for a journal at this path.

    Raises:
        UserError: the environment names a mode that there is not.
    """
    named = os.environ.get(VARIABLE, "").lower()
    if named and named not in MODES:
        raise UserError(f"{VARIABLE} must be wal or delete, found {named!r}")
    if named:
        return MODES[named]
    return "DELETE" if file_system_of(path).startswith(NETWORKED) else "WAL"


def file_system_of(path: Path) -> str:
    """Name of the file system that holds a path ("ext4", "nfs4"); empty where the system does not say."""
    place = path.resolve()
    try:
        mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    except (OSError, psutil.Error):
        return ""
    return next((mounts[folder].lower() for folder in (place, *place.parents) if folder in mounts), "")
