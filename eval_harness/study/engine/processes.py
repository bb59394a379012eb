"""Processes that end together: a child dies with its parent, and a signal to stop is an exception."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from dataset_builder.core.errors import UserError
from dataset_builder.door.signals import stop_handlers

_PR_SET_PDEATHSIG = 1


def check_system() -> None:
    """Refuses Windows, whose processes neither end together nor stop when they are asked to.

    Raises:
        UserError: this is Windows.
    """
    if os.name == "nt":
        raise UserError("a study's steps run on Linux and macOS; on Windows run the same command in WSL")


class Stop(Exception):
    """A signal to stop has come."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def die_with_parent() -> None:
    """Run in a new child: the system kills it when its parent is gone, however that went (on Linux alone)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM and Ctrl-C raise `Stop` in the block."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stop(number)

    with stop_handlers(stop):
        yield
