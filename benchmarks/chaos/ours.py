"""How is this project's own worker put to the test?"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import ResponseError

from benchmarks.chaos.producer import Stored
from benchmarks.chaos.subject import DESTINATION, Surroundings
from tiktok_events import EnqueueError, Producer
from tiktok_events.errors import InboxFull, Unavailable
from worker.connection import connect
from worker.dead_letters import Filter, Queries
from worker.flights import MOST_BATCHES, MOST_EVENTS
from worker.keys import GROUP, Keys
from worker.overview import look

_BATCH_SIZE = 100

CONFIGURATION = """
[credentials.main]
access_token = "${{TIKTOK_ACCESS_TOKEN}}"
[destinations.{destination}]
kind = "events"
source = "segment"
credentials = "main"
event_source_id = "7654321098765432109"
base_url = "{url}"
default_region = "US"
batch_size = {batch_size}
# Short, so that a run of minutes holds what would otherwise take hours.
timeout = "1s"
take_back_after = "3s"
[destinations.{destination}.retry]
max_attempts = 50
min_backoff = "200ms"
max_backoff = "2s"
[destinations.{destination}.breaker]
min_open = "500ms"
max_open = "2s"
[destinations.{destination}.guard]
max_dead_share = 1.0
"""


def configure(where: Surroundings, *, batch_size: int) -> dict[str, str]:
    """Write the run's configuration; return the environment that names it."""
    path = where.folder / "destinations.toml"
    path.write_text(CONFIGURATION.format(destination=DESTINATION, url=where.tiktok_url, batch_size=batch_size))
    return {
        **os.environ,
        "REDIS_URL": where.redis_url,
        "CELERY_BROKER_URL": "",
        "TIKTOK_EVENTS_CONFIG": str(path),
        "TIKTOK_ACCESS_TOKEN": "token-of-the-chaos-run",
        "TIKTOK_EVENTS_ENCRYPTION_KEYS": "",
        "SENTRY_DSN": "",
    }


class Ours:
    """Events in streams, workers that claim batches."""

    name = "ours"
    application = "worker"
    under_way = min(MOST_BATCHES * _BATCH_SIZE, MOST_EVENTS)
    quiet_seconds = 2.0

    def __init__(self, where: Surroundings) -> None:
        self._environment = configure(where, batch_size=_BATCH_SIZE)
        self._producer = Producer(where.redis_url)
        self._redis = connect(where.redis_url)
        self._keys = Keys(DESTINATION)

    def environment(self) -> Mapping[str, str]:
        """Return the environment of its workers."""
        return self._environment

    def store(self, part: Sequence[dict[str, Any]]) -> Stored:
        """Enqueue through the public client."""
        try:
            return Stored(len(self._producer.enqueue_many(part, destination=DESTINATION)))
        except (Unavailable, InboxFull) as error:
            return _partly(error, len(part))

    def holders(self) -> frozenset[int]:
        """Return the processes with entries of their own."""
        held = set()
        for stream in self._keys.streams:
            try:
                consumers = self._redis.xinfo_consumers(stream, GROUP)
            except ResponseError:  # nothing was ever claimed from it
                continue
            held |= {int(each["name"].split(b":")[1]) for each in consumers if each["pending"]}
        return frozenset(held)

    def unsettled(self) -> int:
        """Return what waits, is held, or is to be retried."""
        now = look(self._redis, DESTINATION, now=time.time())
        return now.waiting + now.in_flight + now.scheduled

    def dead(self) -> list[tuple[str, str]]:
        """Return the dead letters."""
        letters = Queries(self._redis, self._keys).scan(Filter(), oldest_first=True)
        return [(letter.envelope.id, letter.reason) for letter in letters]

    def close(self) -> None:
        """Close its connections."""
        self._producer.close()
        self._redis.close()


def _partly(error: EnqueueError, count: int) -> Stored:
    maybe = count - error.stored if isinstance(error, Unavailable) and error.maybe_stored else 0
    return Stored(error.stored, maybe)
