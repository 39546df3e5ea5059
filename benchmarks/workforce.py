"""How do workers join and leave one by one while others go on?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis

from benchmarks.chaos.fleet import ROOT
from worker.workers import workers

_LEAVES_SECONDS = 30


class Workforce:
    """Celery workers with one process each; every one leads a process group. A context manager."""

    def __init__(self, environment: Mapping[str, str], log: Path, *, count: int) -> None:
        self._environment = environment
        self._log = log
        self._count = count
        self._started = 0
        self._workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for _ in range(self._count):
            self.join()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._workers:
            self.die()

    def join(self) -> None:
        """Start one more."""
        self._started += 1
        line = [sys.executable, "-m", "celery", "-A", "worker", "worker", "--concurrency", "1"]
        line += ["--without-gossip", "--without-mingle", "--hostname", f"scale-{self._started}@localhost"]
        with self._log.open("ab") as log:
            self._workers.append(
                subprocess.Popen(line, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True)
            )

    def leave(self) -> None:
        """Let the oldest end what it has begun, as a rolling update does. Raises TimeoutExpired if it does not."""
        oldest = self._workers.pop(0)
        oldest.send_signal(signal.SIGTERM)
        oldest.wait(_LEAVES_SECONDS)

    def die(self) -> None:
        """Kill the oldest with its child, as the death of its machine would."""
        oldest = self._workers.pop(0)
        os.killpg(oldest.pid, signal.SIGKILL)
        oldest.wait()

    def are_ready(self, redis: Redis) -> bool:
        """Say whether each has given its sign of life."""
        return len(workers(redis)) >= self._count
