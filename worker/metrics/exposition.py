"""What `/metrics` answers, for a worker and for the web process."""

from __future__ import annotations

import time

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from redis import Redis

from worker.config import Config
from worker.metrics.board import Board, Head
from worker.metrics.figures import WebFigures, WorkerFigures
from worker.metrics.fleet import FleetFigures
from worker.metrics.meter import Meter
from worker.metrics.process import NEVER_SECONDS

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def of_worker(redis: Redis, config: Config, board: Board, parent: Meter) -> CollectorRegistry:
    """Return what a worker's first process tells: its own figures and the fleet's."""
    registry = CollectorRegistry()
    registry.register(WorkerFigures(board, parent))
    registry.register(FleetFigures(redis, config))
    return registry


class WebMetrics:
    """The metrics of the web process: call `meter.served` after each answer, and serve `text` at `/metrics`."""

    def __init__(self, redis: Redis, config: Config) -> None:
        board = Board.made(Head(stuck_after_seconds=NEVER_SECONDS, started_at=time.monotonic()))
        self.meter = Meter(board.row(0))
        self._registry = CollectorRegistry()
        self._registry.register(WebFigures(board, self.meter))
        self._registry.register(FleetFigures(redis, config))

    def text(self) -> bytes:
        """Return the page, of the type :data:`CONTENT_TYPE`."""
        return text(self._registry)


def text(registry: CollectorRegistry) -> bytes:
    """Return everything in Prometheus's text format."""
    return generate_latest(registry)
