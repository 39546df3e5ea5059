"""What a person needs to know of a destination at a glance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from worker.dead_letters import Queries
from worker.keys import GROUP, Keys
from worker.pauses import Pause, Pauses


@dataclass(frozen=True, slots=True)
class Overview:
    """One destination now. Ages in seconds, counters since the beginning."""

    destination: str
    waiting: int
    oldest_seconds: float
    in_flight: int
    scheduled: int
    next_retry_seconds: float | None
    dead: int
    dead_by_reason: dict[str, int]
    totals: dict[str, int]
    last_minute: dict[str, int]
    breaker: str
    pause: Pause | None

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def look(redis: Redis, destination: str, *, now: float) -> Overview:
    """Return the overview of one destination."""
    keys = Keys(destination)
    # One transaction: what is claimed or settled between two commands would otherwise be counted twice, or less
    # than not at all.
    pipe = redis.pipeline(transaction=True)
    for stream in keys.streams:
        pipe.xlen(stream)
        pipe.xrange(stream, count=1)
        pipe.xpending(stream, GROUP)
    pipe.zrange(keys.due, 0, 0, withscores=True)
    pipe.zcard(keys.due)
    pipe.hgetall(keys.totals)
    pipe.hgetall(keys.minute(int(now // 60) - 1))
    pipe.hmget(keys.breaker, "open_until")
    *streams, head, scheduled, totals, minute, (open_until,) = pipe.execute(raise_on_error=False)
    lengths, oldest = streams[0::3], [rows[0][0] for rows in streams[1::3] if rows]
    # No group yet: nothing was ever claimed.
    in_flight = sum(0 if isinstance(told, ResponseError) else told["pending"] for told in streams[2::3])
    ages = [now - int(entry_id.partition(b"-")[0]) / 1000 for entry_id in oldest]
    queries = Queries(redis, keys)
    return Overview(
        destination=destination,
        waiting=max(0, sum(lengths) - in_flight),
        oldest_seconds=max(0.0, round(max(ages, default=0.0), 1)),
        in_flight=in_flight,
        scheduled=scheduled,
        next_retry_seconds=round(head[0][1] / 1000 - now, 1) if head else None,
        dead=queries.count(),
        dead_by_reason=queries.facets()["reason"],
        totals=_numbers(totals),
        last_minute=_numbers(minute),
        breaker="closed" if open_until is None else "open" if float(open_until) / 1000 > now else "half-open",
        pause=Pauses(redis, keys).current(),
    )


def _numbers(raw: dict[bytes, bytes]) -> dict[str, int]:
    return {key.decode(): int(value) for key, value in sorted(raw.items())}
