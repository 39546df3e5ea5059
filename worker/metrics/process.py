"""Which row is this process's? The parent opens the board; a child takes the row of its place in the pool."""

from __future__ import annotations

import os
import time

from worker.metrics.board import ROWS, Board, Head
from worker.metrics.meter import Meter

NEVER_SECONDS = 86400.0

_board: Board | None = None
_meter: Meter | None = None
_pid = 0


def meter() -> Meter:
    """Return this process's meter. Where no worker opened a board (a command, a test) it notes for nobody."""
    global _meter, _pid  # one for each process, like the process itself
    if _meter is None or _pid != os.getpid():
        board = Board.made(Head(stuck_after_seconds=NEVER_SECONDS, started_at=time.monotonic()))
        _meter, _pid = Meter(board.row(0)), os.getpid()
    return _meter


def board() -> Board | None:
    """Return the board of this worker, None where there is none."""
    return _board


def take_board(shared: Board) -> Meter:
    """Make a board this process's, as its parent, and that of the children it will fork."""
    global _board
    _board = shared
    return take_place(0)


def take_place(place: int) -> Meter:
    """Take the row of `place`; 0 is the parent's, pool processes count from 1. Beyond the board nobody reads it."""
    global _meter, _pid
    if _board is None or place >= ROWS:
        return meter()
    _meter, _pid = Meter(_board.row(place)), os.getpid()
    return _meter
