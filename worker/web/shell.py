"""What does every page have at hand: Redis, the configuration, the clock, and the audit in the visitor's name?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from flask import current_app
from redis import Redis

from worker import audit
from worker.config import Config
from worker.metrics.exposition import WebMetrics
from worker.web.figures import Figures
from worker.web.settings import WebSettings
from worker.web.visitors import visitor

EXTENSION = "tiktok_events"


@dataclass(frozen=True, slots=True)
class Shell:
    """The collaborators of the web process."""

    redis: Redis
    config: Config
    settings: WebSettings
    clock: Callable[[], float]
    figures: Figures
    metrics: WebMetrics

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return self.clock()


def shell() -> Shell:
    """Return the shell of the running application."""
    return cast("Shell", current_app.extensions[EXTENSION])


def figures() -> Figures:
    """Return the figures of the destinations."""
    return shell().figures


def record(action: str, *, destination: str, details: Mapping[str, object]) -> None:
    """Write an action into the audit, in the visitor's name. `details` holds no value of an event."""
    audit.record(shell().redis, action, destination=destination, details=details, by=visitor().name)
