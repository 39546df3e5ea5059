"""How did a destination do, minute by minute?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from worker.keys import Keys
from worker.latency import quantile_ms
from worker.settlement import MINUTE_LIVES_SECONDS

BACKLOG, OLDEST = "backlog", "oldest_seconds"
_STILL_WRITTEN = 2
"""Minutes that may still change: the running one, and the last, which a worker with a slow clock still writes."""

Counters = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute's counters and what was in the queue in it; None: nobody looked."""

    counters: Counters

    @property
    def delivered(self) -> int:
        """Events that were delivered."""
        return self.counters.get("delivered", 0)

    @property
    def failed(self) -> int:
        """Attempts that failed: events to be tried again, and events that died."""
        return self.counters.get("retried", 0) + self.counters.get("dead", 0)

    @property
    def backlog(self) -> int | None:
        """Events that waited."""
        return self.counters.get(BACKLOG)

    def took_ms(self, share: float) -> float | None:
        """Return the time within which `share` of the delivered events came from producer to TikTok."""
        return quantile_ms(self.counters, share)


def total(minutes: Iterable[Minute]) -> Minute:
    """Return several destinations' figures of one minute as one."""
    sums: dict[str, int] = {}
    for minute in minutes:
        for name, amount in minute.counters.items():
            sums[name] = max(sums.get(name, 0), amount) if name == OLDEST else sums.get(name, 0) + amount
    return Minute(sums)


def note_backlog(redis: Redis, keys: Keys, *, waiting: int, oldest_seconds: float, now: float) -> None:
    """Write down what waits in the present minute. Several who look in one minute overwrite each other."""
    key = keys.minute(int(now // 60))
    pipe = redis.pipeline(transaction=True)
    pipe.hset(key, mapping={BACKLOG: waiting, OLDEST: int(oldest_seconds)})
    pipe.expire(key, MINUTE_LIVES_SECONDS)
    pipe.execute()


class History:
    """The minutes of destinations. What will not change any more is asked for once and kept."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._kept: dict[tuple[str, int], Minute] = {}

    def of(self, names: Iterable[str], *, now: float, minutes: int) -> dict[str, list[Minute]]:
        """Return the last `minutes` minutes of each destination, the running one last."""
        last = int(now // 60)
        wanted = [(name, number) for name in names for number in range(last - minutes + 1, last + 1)]
        kept = self._kept
        missing = [place for place in wanted if place not in kept]
        found = dict(zip(missing, self._read(missing), strict=True))
        self._kept = {place: minute for place, minute in (kept | found).items() if _is_kept(place[1], last)}
        series: dict[str, list[Minute]] = {}
        for place in wanted:
            series.setdefault(place[0], []).append(kept.get(place) or found[place])
        return series

    def _read(self, places: list[tuple[str, int]]) -> list[Minute]:
        pipe = self._redis.pipeline(transaction=False)
        for name, number in places:
            pipe.hgetall(Keys(name).minute(number))
        raw: list[Any] = pipe.execute() if places else []
        return [Minute({key.decode(): int(value) for key, value in told.items()}) for told in raw]


def _is_kept(number: int, last: int) -> bool:
    return last - MINUTE_LIVES_SECONDS // 60 < number <= last - _STILL_WRITTEN
