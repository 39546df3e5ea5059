"""How did a destination do, minute by minute?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from redis import Redis
from redis.client import Pipeline

from worker.keys import Keys
from worker.latency import quantile_ms
from worker.scripts import Call, run_many
from worker.settlement import MINUTE_LIVES_SECONDS

BACKLOG, OLDEST = "backlog", "oldest_seconds"
_STILL_WRITTEN = 2
"""Minutes that may still change: the running one, and the last, which a worker with a slow clock still writes."""

Counters = Mapping[str, int]
_Place = tuple[str, int]
"""Destination and minute."""


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


def note_backlog(pipe: Pipeline, keys: Keys, *, waiting: int, oldest_seconds: float, now: float) -> None:
    """Write down what waits in the present minute. Several who look in one minute overwrite each other."""
    key = keys.minute(int(now // 60))
    pipe.hset(key, mapping={BACKLOG: waiting, OLDEST: int(oldest_seconds)})
    pipe.expire(key, MINUTE_LIVES_SECONDS)


class History:
    """The minutes of destinations. What will not change any more is asked for once and kept."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._kept: dict[_Place, Minute] = {}

    def of(self, names: Sequence[str], *, now: float, minutes: int) -> dict[str, list[Minute]]:
        """Return the last `minutes` minutes of each destination, the running one last."""
        last, kept = int(now // 60), self._kept
        numbers = range(last - minutes + 1, last + 1)
        found = self._read({name: [each for each in numbers if (name, each) not in kept] for name in names})
        known = kept | found
        self._kept = {place: minute for place, minute in known.items() if _is_kept(place[1], last)}
        return {name: [known[name, number] for number in numbers] for name in names}

    def _read(self, missing: Mapping[str, Sequence[int]]) -> dict[_Place, Minute]:
        keys = {name: [Keys(name).minute(number) for number in numbers] for name, numbers in missing.items()}
        answers = run_many(self._redis, [Call("history", each, []) for each in keys.values()])
        found: dict[_Place, Minute] = {}
        for (name, numbers), rows in zip(missing.items(), answers, strict=True):
            # What Redis refuses to tell of one (a key of the wrong type) hides none of the others.
            told = rows if isinstance(rows, list) else [[]] * len(numbers)
            found |= {(name, number): _minute(flat) for number, flat in zip(numbers, told, strict=True)}
        return found


def _minute(flat: Sequence[bytes]) -> Minute:
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return Minute({name.decode(): int(value) for name, value in pairs})


def _is_kept(number: int, last: int) -> bool:
    return last - MINUTE_LIVES_SECONDS // 60 < number <= last - _STILL_WRITTEN
