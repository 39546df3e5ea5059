"""What does a person see while a file is enqueued? All of it goes to the standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from tiktok_events.bulk import Tally

_PLAIN_SECONDS = 5.0


class Progress(Protocol):
    """One way to show how far a file has got."""

    def __enter__(self) -> Progress: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def show(self, tally: Tally, waiting_for: str) -> None: ...
    def note(self, text: str) -> None: ...


def new_progress(total_bytes: int | None, *, quiet: bool) -> Progress:
    """Returns a bar on a terminal with rich installed, else a line every few seconds, or nothing.

    Args:
        total_bytes: the size of the file; None for a pipe.
        quiet: show notes only.
    """
    if quiet:
        return PlainProgress(every_seconds=None)
    if sys.stderr.isatty():
        try:
            return BarProgress(total_bytes)
        except ImportError:
            pass
    return PlainProgress(every_seconds=_PLAIN_SECONDS)


class PlainProgress:
    """A line now and then."""

    def __init__(self, *, every_seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_seconds = every_seconds
        self._clock = clock
        self._shown_at = clock()

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, tally: Tally, waiting_for: str) -> None:
        if self._every_seconds is None or self._clock() - self._shown_at < self._every_seconds:
            return
        self._shown_at = self._clock()
        self.note(_line(tally) + (f"; {waiting_for}" if waiting_for else ""))

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class BarProgress:
    """A bar by rich."""

    def __init__(self, total_bytes: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task("reading", total=total_bytes)

    def __enter__(self) -> BarProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, tally: Tally, waiting_for: str) -> None:
        text = _line(tally) + (f"; {waiting_for}" if waiting_for else "")
        self._bar.update(self._task, completed=tally.end, description=text)

    def note(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False)


def _line(tally: Tally) -> str:
    return f"line {tally.last_line:,}: {tally.enqueued:,} enqueued, {tally.rejected:,} rejected"
