"""Where the processes of a worker note their figures: memory that they share, with a row for each of them.

The first process makes the board before it forks, and every child inherits it and has the row of its place in the
pool. A child that dies leaves its counters to the one that takes its place, so that no sum ever goes down, and there
are no files of the dead to collect. Each row has one writer; a number is written whole, so readers need no lock.
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import IO

from worker.metrics.names import WEB, WORKER, Metric

ROWS = 257
"""The parent, and 256 places in its pool."""


class Own(IntEnum):
    """The columns that say how a process is. Times are of the machine's monotonic clock."""

    PID = 0
    RUNNING = auto()
    """Tasks that run."""
    PROGRESS_AT = auto()
    WAKER_AT = auto()
    EVENTS = auto()
    """Events that are claimed and not settled."""
    CPU_SECONDS = auto()


@dataclass(frozen=True, slots=True)
class Head:
    """What is true of the whole board."""

    stuck_after_seconds: float
    started_at: float


def _noted() -> Iterator[Metric]:
    """The metrics that are added up on a board; the others are known when they are asked for."""
    for metric in (*WORKER.values(), *WEB.values()):
        if metric.kind == "histogram" or (metric.kind == "counter" and "cpu" not in metric.name):
            yield metric


def _places() -> tuple[dict[tuple[str, ...], int], int]:
    places: dict[tuple[str, ...], int] = {}
    width = len(Own)
    for metric in _noted():
        for values in metric.combinations():
            places[(metric.name, *values)] = width
            # A histogram has a column for each bucket, one for what is above, and one for the sum.
            width += len(metric.buckets) + 2 if metric.kind == "histogram" else 1
    return places, width


COLUMNS, WIDTH = _places()
"""(metric, values of its labels): the first of its columns."""

NOTED = tuple(_noted())

_NUMBER_BYTES = 8
_HEAD = 4
_LAYOUT = float(zlib.crc32(repr((list(COLUMNS.items()), WIDTH, list(Own))).encode()))
SIZE = (_HEAD + ROWS * WIDTH) * _NUMBER_BYTES


class Board:
    """The shared memory."""

    def __init__(self, memory: mmap.mmap | bytearray) -> None:
        self._numbers = memoryview(memory).cast("d")

    @classmethod
    def made(cls, head: Head, file: IO[bytes] | None = None) -> Board:
        """Make an empty board in `file`, which has its size already, else in memory that no file names.

        Memory that is never written to costs nothing, so an unused row does not.
        """
        board = cls(mmap.mmap(file.fileno() if file else -1, SIZE))
        numbers = board._numbers
        numbers[1], numbers[2] = head.stuck_after_seconds, head.started_at
        # Last: a board without its layout is not finished.
        numbers[0] = _LAYOUT
        return board

    @classmethod
    def opened(cls, file: IO[bytes]) -> Board | None:
        """Return the board of another process, to be read; None if it is none of this version's."""
        try:
            board = cls(mmap.mmap(file.fileno(), SIZE, access=mmap.ACCESS_READ))
        except (ValueError, OSError):
            return None
        return board if board._numbers[0] == _LAYOUT else None

    @property
    def head(self) -> Head:
        """What is true of the whole board."""
        return Head(stuck_after_seconds=self._numbers[1], started_at=self._numbers[2])

    def row(self, place: int) -> memoryview[float]:
        """Return the numbers of one process, to be read and written; 0 is the parent's."""
        first = _HEAD + place * WIDTH
        return self._numbers[first : first + WIDTH]

    def taken(self) -> list[memoryview[float]]:
        """Return the rows that have, or had, a process. The parent's comes first."""
        return [row for row in map(self.row, range(ROWS)) if row[Own.PID]]
