"""How many sorted sets of Redis are read as one, a page at a time, in both directions?

A page begins after a place, not at a number: what comes or goes meanwhile shifts nothing, so that no member that
stays is passed over or seen twice. Reading costs the page, not the sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from redis import Redis

_FIRST_READ = 20
_MOST_READ = 1000


class Place(NamedTuple):
    """Where a member stands among those of all destinations: by score, then destination, then name."""

    score: float
    destination: str
    ref: str

    def text(self) -> str:
        """Return it as text that :func:`place` reads."""
        return f"{self.score!r}:{self.destination}:{self.ref}"


def place(text: str) -> Place | None:
    """Return the place that `text` means, or None if it means none: it comes from an address bar."""
    score, _, rest = text.partition(":")
    destination, _, ref = rest.partition(":")
    try:
        return Place(float(score), destination, ref) if ref else None
    except ValueError:
        return None


class _Lane:
    """One sorted set: what was read of it and not handed out yet."""

    def __init__(self, destination: str, key: str, start: Place | None) -> None:
        self.destination = destination
        self.key = key
        self.rows: list[Place] = []
        self.ended = False
        self._last = start
        self._passed = 0
        self._count = _FIRST_READ

    def ask(self, pipe: Any, low: str, high: str, *, ascending: bool) -> None:
        """Ask for the next rows. They begin with the score of the last, since others may share it."""
        if self._last is not None:
            low, high = (repr(self._last.score), high) if ascending else (low, repr(self._last.score))
        bounds = {"start": self._passed, "num": self._count, "withscores": True}
        if ascending:
            pipe.zrangebyscore(self.key, low, high, **bounds)
        else:
            pipe.zrevrangebyscore(self.key, high, low, **bounds)

    def take(self, answer: Sequence[tuple[bytes, float]], *, ascending: bool) -> None:
        """Keep the rows that lie behind the last one."""
        found = [Place(float(score), self.destination, ref.decode()) for ref, score in answer]
        last = self._last
        if last is not None:
            found = [row for row in found if (row > last if ascending else row < last)]
        self.ended = len(answer) < self._count
        if found:
            self.rows, self._last, self._passed = found, found[-1], 0
        else:
            # All of them share the last one's score and were seen: look further.
            self._passed += len(answer)
        self._count = min(self._count * 2, _MOST_READ)


def walk(
    redis: Redis,
    sets: Mapping[str, str],
    *,
    start: Place | None = None,
    ascending: bool = False,
    low: str = "-inf",
    high: str = "+inf",
) -> Iterator[list[Place]]:
    """Yield what lies behind `start`, in order, as many at a time as one round trip brought.

    `sets` holds the key of each destination's sorted set; `low` and `high` bound the scores in Redis's spelling.
    """
    lanes = [_Lane(destination, key, start) for destination, key in sets.items()]
    while lanes:
        while hungry := [lane for lane in lanes if not lane.rows and not lane.ended]:
            pipe = redis.pipeline(transaction=False)
            for lane in hungry:
                lane.ask(pipe, low, high, ascending=ascending)
            for lane, answer in zip(hungry, pipe.execute(), strict=True):
                lane.take(answer, ascending=ascending)
        # Behind the nearest end of what was read, a lane might still bring something that belongs before.
        ends = [lane.rows[-1] for lane in lanes if not lane.ended]
        ready: list[Place] = []
        if not ends:
            ready = [row for lane in lanes for row in lane.rows]
            lanes = []
        elif ascending:
            nearest = min(ends)
            ready = [row for lane in lanes for row in lane.rows if row <= nearest]
        else:
            nearest = max(ends)
            ready = [row for lane in lanes for row in lane.rows if row >= nearest]
        handed_out = len(ready)
        if lanes:
            for lane in lanes:
                lane.rows = [row for row in lane.rows if (row > nearest if ascending else row < nearest)]
            lanes = [lane for lane in lanes if lane.rows or not lane.ended]
        if handed_out:
            yield sorted(ready, reverse=not ascending)
