"""Which destinations need deliver tasks now, and how many more."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from redis import Redis

from worker.config import Destination
from worker.keys import GROUP, Keys
from worker.scripts import run

LEASE_SECONDS = 15.0
"""How long a deliver task counts as running after it was last heard of."""

_MOST_PROMOTED = 500
_MOST_TASKS_A_TICK = 4


@dataclass(frozen=True, slots=True)
class Tick:
    """What one look at a destination found."""

    tokens: tuple[str, ...]
    backlog: int
    wait_seconds: float | None
    """Until something is due or a block ends; None when nothing is to be waited for."""


class Schedule:
    """Looks at destinations and reserves deliver tasks for them. Safe to run anywhere, at any time, more than once."""

    def __init__(self, redis: Redis, destinations: Mapping[str, Destination]) -> None:
        self._redis = redis
        self._destinations = destinations

    def look(self, name: str) -> Tick:
        """Promote what is due and reserve a lease for each task that is missing."""
        destination = self._destinations[name]
        keys = Keys(name)
        _, next_due = run(self._redis, "promote", [keys.due, keys.scheduled, keys.retry], [_MOST_PROMOTED, ""])
        offered = [secrets.token_hex(8) for _ in range(min(_MOST_TASKS_A_TICK, destination.max_in_flight))]
        reserved, backlog, blocked = run(
            self._redis,
            "tick",
            [*keys.streams, keys.slices, keys.state, keys.breaker],
            [
                GROUP,
                destination.batch_size,
                destination.max_in_flight,
                int(LEASE_SECONDS * 1000),
                int(destination.take_back_after_seconds * 1000),
                *offered,
            ],
        )
        waits = [milliseconds / 1000 for milliseconds in (next_due, blocked) if milliseconds > 0]
        return Tick(tuple(offered[:reserved]), backlog, min(waits, default=None))
