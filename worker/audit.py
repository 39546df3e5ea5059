"""Who did what to whose events: replayed, edited, discarded, paused, revealed."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis

from worker.keys import AUDIT

_KEPT = 10_000


_PLACE = re.compile(r"\d{1,20}-\d{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, newest first, and the place at which the older ones begin, if there are any."""

    records: list[dict[str, Any]]
    older: str | None


def record(
    redis: Redis, action: str, *, destination: str, details: Mapping[str, object], by: str | None = None
) -> None:
    """Write down one action. `details` holds no value of an event; `by` None: who runs this."""
    redis.xadd(
        AUDIT,
        {
            "action": action,
            "destination": destination,
            "by": who() if by is None else by,
            "details": orjson.dumps(dict(details)),
        },
        maxlen=_KEPT,
        approximate=True,
    )


def read(redis: Redis, *, limit: int) -> list[dict[str, Any]]:
    """Return the newest records, newest first."""
    return page(redis, before=None, limit=limit).records


def page(redis: Redis, *, before: str | None, limit: int) -> Page:
    """Return the records older than a place that an earlier page named; None, or no place at all: the newest."""
    last = f"({before}" if before and _PLACE.fullmatch(before) else "+"
    # One more than is shown tells whether there are others.
    entries: Any = redis.xrevrange(AUDIT, max=last, count=limit + 1)
    shown = entries[:limit]
    return Page([_read(*entry) for entry in shown], shown[-1][0].decode() if len(entries) > limit else None)


def _read(entry_id: bytes, raw: Mapping[bytes, bytes]) -> dict[str, Any]:
    told = {key.decode(): value.decode() for key, value in raw.items()}
    at = int(entry_id.partition(b"-")[0]) / 1000
    return {**told, "at": at, "details": orjson.loads(told["details"])}


def who() -> str:
    """Return who runs this: user and host."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        # A container may run under a user id that has no name.
        return socket.gethostname()
