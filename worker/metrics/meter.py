"""What one process notes of its work: a few calls for each batch and request, none for an event."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable

from worker.metrics.board import COLUMNS, Own
from worker.metrics.names import TASKS, WEB, WORKER

_BUCKETS = {metric.name: metric.buckets for metric in (*WORKER.values(), *WEB.values()) if metric.buckets}


class Meter:
    """Writes the row of one process on a :class:`~worker.metrics.board.Board`.

    The threads of a process share its meter. A call costs about a microsecond.
    """

    def __init__(self, row: memoryview[float], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._row = row
        self._clock = clock
        self._lock = threading.Lock()
        self._cpu_before = row[Own.CPU_SECONDS] - time.process_time()
        row[Own.PID] = os.getpid()
        row[Own.RUNNING] = row[Own.EVENTS] = 0
        row[Own.PROGRESS_AT] = row[Own.WAKER_AT] = clock()

    def progress(self) -> None:
        """Note that this process does something: a process that is busy and never says so counts as stuck."""
        self._row[Own.PROGRESS_AT] = self._clock()

    def waker_turned(self) -> None:
        """Note that the waker looked, or tried to."""
        self._row[Own.WAKER_AT] = self._clock()

    def began(self) -> None:
        """Note that a task begins."""
        with self._lock:
            self._row[Own.RUNNING] += 1
        self.progress()

    def ended(self, task: str, *, failed: bool = False) -> None:
        """Note that a task ended; `task` is its name without the prefix."""
        name = task if task in TASKS else "other"
        with self._lock:
            self._row[Own.RUNNING] = running = max(0.0, self._row[Own.RUNNING] - 1)
            if not running:
                # A batch that an exception ended was never noted as settled.
                self._row[Own.EVENTS] = 0
            self._row[COLUMNS["tiktok_events_worker_tasks_total", name, "failed" if failed else "done"]] += 1
        self.note_cpu()
        self.progress()

    def started(self) -> None:
        """Note that a pool process starts."""
        with self._lock:
            self._row[COLUMNS[("tiktok_events_worker_processes_started_total",)]] += 1

    def note_cpu(self) -> None:
        """Note the CPU time used so far, on top of what former holders of the row have used."""
        self._row[Own.CPU_SECONDS] = self._cpu_before + time.process_time()

    def claimed(self, kind: str, events: int) -> None:
        """Note that a batch of `events` begins."""
        with self._lock:
            self._row[Own.EVENTS] += events
        self._observe(("tiktok_events_batch_events", kind), events)
        self.progress()

    def settled(self, kind: str, events: int, oldest_seconds: float) -> None:
        """Note that the batch is over; its oldest event was enqueued `oldest_seconds` ago."""
        with self._lock:
            self._row[Own.EVENTS] = max(0.0, self._row[Own.EVENTS] - events)
        self._observe(("tiktok_events_batch_age_seconds", kind), oldest_seconds)
        self.progress()

    def stage(self, kind: str, stage: str, seconds: float) -> None:
        """Note how long one of `names.STAGES` of a batch took."""
        self._observe(("tiktok_events_batch_seconds", kind, stage), seconds)
        self.progress()

    def request(self, kind: str, outcome: str, seconds: float) -> None:
        """Note an answer of TikTok's, or that none came."""
        self._observe(("tiktok_events_request_seconds", kind, outcome), seconds)
        self.progress()

    def served(self, area: str, status: int, seconds: float) -> None:
        """Note an answer of the web process; `area` is one of the label's values."""
        self._observe(("tiktok_events_web_request_seconds", area, f"{status // 100}xx"), seconds)

    def _observe(self, name: tuple[str, ...], value: float) -> None:
        buckets = _BUCKETS[name[0]]
        first = COLUMNS[name]
        with self._lock:
            self._row[first + bisect_left(buckets, value)] += 1
            self._row[first + len(buckets) + 1] += max(0.0, value)
