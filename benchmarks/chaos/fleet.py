"""How do the workers of a run live, die and come back?"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping, Set
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]


class Fleet:
    """`count` Celery workers with `concurrency` pool children each; every worker is a process group of its own."""

    def __init__(
        self, application: str, *, count: int, concurrency: int, environment: Mapping[str, str], folder: Path
    ) -> None:
        self._application = application
        self._concurrency = concurrency
        self._environment = environment
        self._folder = folder
        self._started = 0
        self._workers: list[subprocess.Popen[bytes] | None] = [None] * count

    def __enter__(self) -> Self:
        for place in range(len(self._workers)):
            self._start(place)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            if worker is not None:
                _kill(worker)

    def kill_worker(self, chance: random.Random, holders: Set[int]) -> None:
        """Kill a worker with its children, as the death of its machine would, and start another in its place.

        One that has a process among `holders` is preferred.
        """
        places = [
            place
            for place, worker in enumerate(self._workers)
            if worker is not None and not holders.isdisjoint(children(worker.pid))
        ]
        place = chance.choice(places or range(len(self._workers)))
        worker = self._workers[place]
        if worker is not None:
            _kill(worker)
        self._start(place)

    def kill_child(self, chance: random.Random, holders: Set[int]) -> None:
        """Kill one pool child alone, as the kernel does when memory runs out. Its worker starts another."""
        alive = [child for worker in self._workers if worker is not None for child in children(worker.pid)]
        preferred = [child for child in alive if child in holders]
        if alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(preferred or alive), signal.SIGKILL)

    def revive(self) -> int:
        """Start another for each worker that ended by itself, as a supervisor would; return how many there were."""
        ended = [
            place for place, worker in enumerate(self._workers) if worker is not None and worker.poll() is not None
        ]
        for place in ended:
            self._start(place)
        return len(ended)

    def _start(self, place: int) -> None:
        self._started += 1
        command = [sys.executable, "-m", "celery", "-A", self._application, "worker", "--loglevel", "WARNING"]
        command += ["--concurrency", str(self._concurrency), "--without-gossip", "--without-mingle"]
        command += ["--hostname", f"chaos-{self._started}@localhost"]
        with (self._folder / f"worker-{place}.log").open("ab") as log:
            self._workers[place] = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )


def children(process_id: int) -> list[int]:
    """Return the process ids of a process's children."""
    told = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = (line.split() for line in told.splitlines())
    return [int(child) for child, parent in pairs if int(parent) == process_id]


def _kill(worker: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
