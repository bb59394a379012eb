"""Progress for the person who waits: on a terminal one line that is redrawn, elsewhere plain lines. Its one home.

    decompose bc: 192/300 problems · 6.1/s · ETA 00:18

Elsewhere (a log, a pipe, a notebook's cell) a line comes about every 30 seconds and once at the end, so that a log
holds what happened and no torn bars. `errors.entry_point` keeps the libraries' own bars away.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from tqdm import tqdm

PLAIN_LINE_S = 30.0
REDRAW_S = 0.5

Item = TypeVar("Item")


def tell(line: str) -> None:
    """A line of its own on stderr, above the progress; said also where no progress is shown."""
    tqdm.write(line, file=sys.stderr)


def clock(seconds: float) -> str:
    """A time as a person reads it.

    >>> clock(3725), clock(64.2)
    ('1:02:05', '01:04')
    """
    return str(tqdm.format_interval(seconds))


class StatusLine:
    """One line on stderr that says how a run is doing."""

    def __init__(self, label: str, *, shown: bool = True) -> None:
        self.label = label
        self._shown = shown
        self._live = shown and sys.stderr.isatty()
        self._line = tqdm(file=sys.stderr, bar_format="{desc}", leave=True, disable=not self._live)
        self._due = time.monotonic() + (0.0 if self._live else PLAIN_LINE_S)

    @property
    def due(self) -> bool:
        """Whether it is time for a new line."""
        return self._shown and time.monotonic() >= self._due

    def show(self, text: str, *, last: bool = False) -> None:
        """Redraws the line, or prints a plain one where one is due; the last is always shown."""
        if not self._shown or not (last or self.due):
            return
        if self._live:
            self._line.set_description_str(f"{self.label}: {text}", refresh=True)
        else:
            tell(f"{self.label}: {text}")
        self._due = time.monotonic() + (REDRAW_S if self._live else PLAIN_LINE_S)

    def say(self, message: str) -> None:
        """A line of its own, above the progress."""
        tell(f"{self.label}: {message}")

    def close(self) -> None:
        self._line.close()


class Progress(StatusLine):
    """How many of a number of things are done, with their rate and the time left; a context manager."""

    def __init__(self, label: str, total: int | None, unit: str, *, done: int = 0, shown: bool = True) -> None:
        """
        Args:
            label: what is being done.
            total: how many things there are; None where that is not known.
            unit: one of them, in the singular.
            done: those that an earlier run did.
            shown: False: nothing is shown.
        """
        super().__init__(label, shown=shown)
        self.total, self.unit, self.done, self.note = total, unit, done, ""
        self._before, self._started = done, time.monotonic()

    def advance(self, count: int = 1) -> None:
        """So many more are done."""
        self.done += count
        if self.due:
            self.show(self._text())

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None:
            self.end()
        else:
            self.close()

    def end(self) -> None:
        """The last line, with what it took."""
        self.show(self._text(last=True), last=True)
        self.close()

    def _text(self, *, last: bool = False) -> str:
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = (self.done - self._before) / seconds
        count = f"{self.done:,}" if self.total is None else f"{self.done:,}/{self.total:,}"
        parts = [f"{count} {self.unit}s"]
        if rate:
            parts.append(f"{rate:,.1f}/s")
        if last:
            parts.append(f"took {clock(seconds)}")
        elif self.total and rate:
            parts.append(f"ETA {clock((self.total - self.done) / rate)}")
        return " · ".join([*parts, *([self.note] if self.note else [])])


def counted(items: Iterable[Item], label: str, total: int | None, unit: str) -> Iterator[Item]:
    """The items, one by one, with their progress."""
    with Progress(label, total, unit) as progress:
        for item in items:
            yield item
            progress.advance()
