"""Is a worker stuck? Judged by its progress, not by whether it has work.

Stuck is: a process that runs a task and has shown no progress for longer than the worker's bound; a process that is
stopped; a waker that no longer turns; a pool without processes; wake-ups that wait in the broker while this worker,
idle for that long, takes none. An empty queue is health, and so is a Redis that is away: waiting for it is progress,
and restarting workers would not bring it back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from tiktok_events.keys import CELERY_QUEUE
from worker.connection import connect
from worker.lookout import LONGEST_SILENCE_SECONDS
from worker.metrics.board import Board, Own

SHORTEST_BOUND_SECONDS = 60.0
"""One call to a Redis that hangs takes about twenty seconds with its retries: nobody is stuck for that."""

_LOOK_AGAIN_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a worker now. `silent_seconds` is the time since its last progress."""

    pid: int
    state: str
    """As the kernel has it: R, S, D, T (stopped), Z; "" where there is no such process, "?" where nobody can tell."""
    running: int
    events: int
    silent_seconds: float

    @property
    def lives(self) -> bool:
        """Say whether there is such a process."""
        return self.state not in ("", "Z")


def processes(board: Board, *, now: float) -> list[Process]:
    """Return the processes of a worker, its parent first. `now` is the machine's monotonic clock."""
    return [
        Process(
            pid=int(row[Own.PID]),
            state=_state(int(row[Own.PID])),
            running=int(row[Own.RUNNING]),
            events=int(row[Own.EVENTS]),
            silent_seconds=now - row[Own.PROGRESS_AT],
        )
        for row in board.taken()
    ]


def faults(board: Board, *, now: float, stuck_after_seconds: float | None = None) -> list[str]:
    """Return what is wrong with a worker, a sentence each; nothing when it is well.

    `stuck_after_seconds` replaces the worker's own bound.
    """
    bound = stuck_after_seconds or board.head.stuck_after_seconds
    return list(_faults(board, processes(board, now=now), now, bound))


def _faults(board: Board, found: list[Process], now: float, bound: float) -> Iterator[str]:
    if not found:
        return
    waker = waker_silent_seconds(board, now=now)
    if waker > max(bound, LONGEST_SILENCE_SECONDS):
        yield f"the waker has not turned for {waker:.0f} s"
    for process in found:
        if process.state == "T":
            yield f"process {process.pid} is stopped"
        elif process.lives and process.running and process.silent_seconds > bound:
            yield f"process {process.pid} runs a task and has shown no progress for {process.silent_seconds:.0f} s"
    pool = found[1:]
    if pool and not any(process.lives for process in pool):
        least = min(process.silent_seconds for process in pool)
        if least > bound:
            yield f"no pool process lives, and none did anything for {least:.0f} s"


def waker_silent_seconds(board: Board, *, now: float) -> float:
    """Return the time since the waker turned, or delivered by itself where the broker took no wake-up."""
    parent = board.row(0)
    return now - max(parent[Own.WAKER_AT], parent[Own.PROGRESS_AT])


def stalled_seconds(board: Board, *, now: float) -> float:
    """Return the longest time without progress of those that should show some."""
    busy = [each.silent_seconds for each in processes(board, now=now) if each.lives and each.running]
    return max(0.0, waker_silent_seconds(board, now=now), *busy)


def takes_no_wake_ups(
    board: Board,
    waiting: Callable[[], int],
    *,
    now: float,
    stuck_after_seconds: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Return a fault if wake-ups stay in the broker while this worker has been idle for longer than its bound.

    `waiting` counts them, and is asked only where the worker is idle. One that has just come is no fault: the count
    is asked for twice.
    """
    bound = stuck_after_seconds or board.head.stuck_after_seconds
    found = processes(board, now=now)
    pool = [process for process in found[1:] or found if process.lives]
    silent = min((process.silent_seconds for process in pool), default=0.0)
    if silent <= bound or any(process.running for process in pool) or not waiting():
        return []
    before = _signs(board)
    sleep(_LOOK_AGAIN_SECONDS)
    left = waiting()
    if not left or _signs(board) != before:
        return []
    return [f"{left} wake-ups wait in the broker, and this worker has been idle for {silent:.0f} s"]


def _signs(board: Board) -> list[float]:
    return [row[Own.PROGRESS_AT] for row in board.taken()]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a probe says: the faults make it fail, the notes do not."""

    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Return it for a person, a line each."""
        head = "stuck" if self.faults else "healthy"
        return "\n".join([head, *self.faults, *self.notes]) + "\n"


def examined(board: Board, broker_url: str, *, now: float, stuck_after_seconds: float | None = None) -> Examined:
    """Judge a worker, its broker included if that is one Redis that answers; `broker_url` is never told."""
    found = faults(board, now=now, stuck_after_seconds=stuck_after_seconds)
    if found:
        return Examined(tuple(found))
    if urlsplit(broker_url).scheme not in ("redis", "rediss", "unix"):
        return Examined(())
    try:
        silent = takes_no_wake_ups(
            board, lambda: _wake_ups(broker_url), now=now, stuck_after_seconds=stuck_after_seconds
        )
    except _NO_ANSWER as error:
        return Examined((), (f"the broker does not answer ({type(error).__name__}): no fault of this worker",))
    return Examined(tuple(silent))


def _wake_ups(broker_url: str) -> int:
    with connect(broker_url, timeout_seconds=1.0) as redis:
        return int(redis.llen(CELERY_QUEUE))


_NO_ANSWER = (RedisError, OSError)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return ""
    except OSError:
        return "?"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "?"
    return "?"
