"""How do several requests of one process travel at once? Each batch in a thread of its own, a bounded number of them.

A request to TikTok takes as long as a thousand events take to be mapped, or ten times that. While one waits, the next
batch is claimed and mapped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from worker import sentry

log = logging.getLogger(__name__)

MOST_BATCHES = 16
"""Batches under way in one process: what a thousand small destinations need, at a third of a second a request."""

MOST_EVENTS = 4000
"""Events under way in one process: four full batches, so that its memory stays what it is."""


class Flights:
    """The batches of one deliver task that are under way. What a batch leaves unsettled stays pending in Redis."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._flying: dict[Future[object], tuple[str, int]] = {}
        self.broken: set[str] = set()
        """Destinations of which a batch failed in a way that nobody foresaw."""

    def launch(self, destination: str, events: int, settle: Callable[[], object]) -> None:
        """Run `settle`, which delivers a batch of so many events; wait for room first.

        Raises:
            redis.exceptions.ConnectionError, TimeoutError: what an earlier batch met; Redis is away.
        """
        while self._flying and (len(self._flying) >= MOST_BATCHES or self._events() + events > MOST_EVENTS):
            self._wait_for_one()
        self._flying[self._executor.submit(settle)] = (destination, events)
        # Else this thread would go on for some tenths of a millisecond, until it waits for something itself.
        time.sleep(0)

    def land(self) -> None:
        """Wait for all of them. Raises as `launch` does, after the last."""
        away: Exception | None = None
        while self._flying:
            try:
                self._wait_for_one()
            except (RedisConnectionError, RedisTimeoutError) as error:
                away = error
        if away is not None:
            raise away

    def _events(self) -> int:
        return sum(events for _, events in self._flying.values())

    def _wait_for_one(self) -> None:
        landed, _ = wait(self._flying, return_when=FIRST_COMPLETED)
        for flight in landed:
            destination, _ = self._flying.pop(flight)
            error = flight.exception()
            if isinstance(error, (RedisConnectionError, RedisTimeoutError)):
                raise error
            if error is not None:
                # Its events stay pending and come back. The other destinations' batches are none of its business.
                log.error("batch failed", extra={"destination": destination}, exc_info=error)
                sentry.capture(error)
                self.broken.add(destination)
