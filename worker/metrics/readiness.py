"""May the web process be sent requests? Only while Redis answers: every page and every event needs it."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis
from redis.exceptions import RedisError


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer to `/readyz`: 200 or 503, and a line for a person. `/healthz` is 200 as long as anything answers."""

    status: int
    text: str


def readiness(redis: Redis) -> Readiness:
    """Ask Redis. Give it a client with a short timeout: a probe waits a second or so."""
    try:
        redis.ping()
    except (RedisError, OSError) as error:
        return Readiness(503, f"redis does not answer ({type(error).__name__})\n")
    return Readiness(200, "ready\n")
