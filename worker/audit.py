"""Who did what to whose events: replayed, edited, discarded, paused, revealed."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping
from typing import Any

import orjson
from redis import Redis

from worker.keys import AUDIT

_KEPT = 10_000


def record(redis: Redis, action: str, *, destination: str, details: Mapping[str, object]) -> None:
    """Write down one action. `details` holds no value of an event."""
    redis.xadd(
        AUDIT,
        {"action": action, "destination": destination, "by": who(), "details": orjson.dumps(dict(details))},
        maxlen=_KEPT,
        approximate=True,
    )


def read(redis: Redis, *, limit: int) -> list[dict[str, Any]]:
    """Return the newest records, newest first."""
    found = []
    entries: Any = redis.xrevrange(AUDIT, count=limit)
    for entry_id, raw in entries:
        told = {key.decode(): value.decode() for key, value in raw.items()}
        at = int(entry_id.partition(b"-")[0]) / 1000
        found.append({**told, "at": at, "details": orjson.loads(told["details"])})
    return found


def who() -> str:
    """Return who runs this: user and host."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        # A container may run under a user id that has no name.
        return socket.gethostname()
