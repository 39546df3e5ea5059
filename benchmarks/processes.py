"""How are the processes of a benchmark started, measured and ended?"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.chaos.fleet import ROOT, children

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SLOTS = 2


class Group:
    """Some processes with one purpose; each leads a process group that is killed at the end. A context manager."""

    def __init__(self, commands: Sequence[Sequence[str]], *, environment: Mapping[str, str], log: Path) -> None:
        self._commands = commands
        self._environment = environment
        self._log = log
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            for command in self._commands:
                self._processes.append(
                    subprocess.Popen(
                        command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
                    )
                )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def is_alive(self) -> bool:
        """Say whether none has ended."""
        return all(process.poll() is None for process in self._processes)

    def last_words(self) -> str:
        """Return the last line of the log."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def process_ids(self) -> list[int]:
        """Return the ids of the processes and their children."""
        own = [process.pid for process in self._processes]
        return own + [child for process_id in own for child in children(process_id)]


def celery_worker(interpreter: str, application: str) -> list[str]:
    """Return the command of a worker with two slots, as the Procfile starts it."""
    line = [interpreter, "-m", "celery", "-A", application, "worker", "--concurrency", str(SLOTS)]
    return [*line, "--without-gossip", "--without-mingle", "--hostname", "bench@localhost"]


def cpu_seconds(process_ids: Sequence[int]) -> float:
    """Return the CPU time that processes have used, by the scheduler's own account. Linux only.

    Raises:
        OSError: this system has no such account, or a process is gone.
    """
    threads = [thread for process_id in process_ids for thread in Path(f"/proc/{process_id}/task").iterdir()]
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident_bytes(process_ids: Sequence[int]) -> int:
    """Return the memory that processes hold, what they share counted for each. Linux only.

    Raises:
        OSError: as above.
    """
    pages = (int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) for process_id in process_ids)
    return sum(pages) * _PAGE_BYTES
