"""Which worker processes there are, and when each was last heard of."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from redis import Redis

from worker.cluster import Command, ask_many
from worker.keys import WORKERS
from worker.release import VERSION
from worker.scripts import run

BEAT_SECONDS = 15.0
"""One command in so many seconds is what a worker pays for being seen."""
SILENT_SECONDS = 3 * BEAT_SECONDS
"""After so long without a sign a worker is dead, or cut off."""
_FORGOTTEN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker says of itself. `started_at` is in Unix seconds."""

    name: str
    host: str
    pid: int
    slots: int
    started_at: float
    version: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker, and how long ago it was last heard of, by the clock of Redis."""

    worker: Worker
    seconds_ago: float

    @property
    def is_silent(self) -> bool:
        """Say whether it has missed several signs: stopped by force, standing still, or cut off."""
        return self.seconds_ago > SILENT_SECONDS

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self.worker), "seconds_ago": self.seconds_ago, "silent": self.is_silent}


@dataclass(slots=True)
class Heartbeat:
    """Gives the signs of life of one worker process, at most one in :data:`BEAT_SECONDS`."""

    name: str
    slots: int
    clock: Callable[[], float] = time.monotonic
    _said: bytes = field(init=False)
    _next: float = 0.0

    def __post_init__(self) -> None:
        worker = Worker(self.name, socket.gethostname(), os.getpid(), self.slots, round(time.time(), 3), VERSION)
        self._said = orjson.dumps(asdict(worker))

    def beat(self, redis: Redis) -> None:
        """Give a sign if it is time to. Raises RedisError."""
        now = self.clock()
        if now >= self._next:
            run(redis, "alive", [WORKERS], [self._said, _FORGOTTEN_SECONDS * 1000])
            self._next = now + BEAT_SECONDS

    def end(self, redis: Redis) -> None:
        """Take the worker off the list: it stops on purpose. Raises RedisError."""
        redis.zrem(WORKERS, self._said)


def workers(redis: Redis) -> list[Seen]:
    """Return the workers heard of in the last hour, by name. A silent one that was started again is left out."""
    # By the clock that the signs were given by: that of the server with this key.
    (seconds, microseconds), *_ = ask_many(redis, [Command(WORKERS, ("TIME",))])
    rows: Any = redis.zrange(WORKERS, 0, -1, withscores=True)
    now = seconds + microseconds / 1e6
    found = [Seen(Worker(**orjson.loads(said)), max(0.0, round(now - score / 1000, 1))) for said, score in rows]
    alive = {seen.worker.name for seen in found if not seen.is_silent}
    shown = [seen for seen in found if not seen.is_silent or seen.worker.name not in alive]
    return sorted(shown, key=lambda seen: (seen.worker.name, seen.worker.started_at))
