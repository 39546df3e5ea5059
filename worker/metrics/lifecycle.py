"""When a worker is measured: from before it forks its pool until it stops."""

from __future__ import annotations

import logging
import time
from typing import Any

from billiard.process import current_process
from celery import Celery, bootsteps, states
from celery.signals import task_postrun, task_prerun

from worker.broker import url_in_redis
from worker.config import Config
from worker.connection import connect
from worker.metrics import health, process, server
from worker.metrics.board import Board, Head
from worker.metrics.meter import Meter
from worker.metrics.state_file import board_in_file
from worker.runtime import runtime

AddressError = server.AddressError

log = logging.getLogger(__name__)

_PREFIX = "tiktok_events."
_SCRAPE_TIMEOUT_SECONDS = 2.0


def open_board(config: Config) -> None:
    """Make the board of this worker; call it in its first process, before that forks.

    After `take_back_after` a silent process has lost its events to another: from then on it is of no use.

    Raises:
        AddressError: it cannot be told where to serve the figures.
    """
    server.address()
    bound = max(health.SHORTEST_BOUND_SECONDS, *(each.take_back_after_seconds for each in config.destinations.values()))
    process.take_board(board_in_file(Head(stuck_after_seconds=bound, started_at=time.monotonic())))


def join_board() -> None:
    """Take this pool process's row; call it first of all in a child.

    Where the first process does the work itself (a pool that is none, as `solo`), it keeps its own row.
    """
    place = getattr(current_process(), "index", None)
    if place is not None:
        process.take_place(place + 1).started()


@task_prerun.connect
def _began(**_: object) -> None:
    process.meter().began()


@task_postrun.connect
def _ended(task: Any, state: str, **_: object) -> None:
    process.meter().ended(task.name.removeprefix(_PREFIX), failed=state == states.FAILURE)


class MetricsStep(bootsteps.StartStopStep):
    """Serves the figures while the worker runs, if `METRICS_PORT` says where."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._server: server.MetricsServer | None = None

    def start(self, _worker: Any) -> None:
        """Listen. A port that is taken stops no delivery."""
        where, board = server.address(), process.board()
        if where is None or board is None:
            return
        try:
            self._server = server.MetricsServer(where, pages(runtime().config, board, process.meter()))
        except OSError as error:
            log.error("metrics are not served", extra={"cause": type(error).__name__})
            return
        self._server.start()
        log.info("metrics are served", extra={"host": where[0], "port": self._server.port})

    def stop(self, _worker: Any) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def terminate(self, worker: Any) -> None:
        """Stop for a cold shutdown."""
        self.stop(worker)


def pages(config: Config, board: Board, parent: Meter) -> dict[str, server.Page]:
    """Return what a worker answers: `/metrics`, and `/healthz` for a probe that costs no process."""
    # Imported here: Prometheus's client is no part of the start of a worker that nobody scrapes.
    from worker.metrics import exposition

    registry = exposition.of_worker(connect(timeout_seconds=_SCRAPE_TIMEOUT_SECONDS), config, board, parent)

    def metrics() -> tuple[int, str, bytes]:
        return 200, exposition.CONTENT_TYPE, exposition.text(registry)

    def healthz() -> tuple[int, str, bytes]:
        found = health.examined(board, url_in_redis(), now=time.monotonic())
        return (503 if found.faults else 200), "text/plain; charset=utf-8", found.text().encode()

    return {"/metrics": metrics, "/healthz": healthz}


def install(app: Celery) -> None:
    """Let the workers of `app` serve their figures."""
    app.steps["worker"].add(MetricsStep)
