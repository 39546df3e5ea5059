"""How does a person leaf through the dead letters of all destinations, both ways, a bounded look at a time?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis

from worker.dead_letters.letter import DeadLetter, read
from worker.dead_letters.queries import Filter
from worker.keys import Keys
from worker.paging import Place, walk

_MOST_READ = 500
"""How many are read between two looks at the clock."""

_FACETS = ("reason", "code", "event")


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found, the newest first. It ends when the page is full, when nothing is left, or after its time."""

    letters: tuple[DeadLetter, ...]
    newer: Place | None
    """where the next look towards now begins"""
    older: Place | None
    looked_at: int
    finished: bool
    """False: the time was up, and there is more to look through"""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many match. Where only looking at each could tell, it is at most this many, and not `exact`."""

    count: int
    exact: bool


def look(
    redis: Redis,
    wanted: Filter,
    destinations: Sequence[str],
    *,
    start: Place | None = None,
    towards_now: bool = False,
    size: int = 50,
    seconds: float = 0.15,
    clock: Callable[[], float] = time.monotonic,
) -> Look:
    """Return the next matching ones behind `start`, without their events.

    It takes `seconds` and one more read at most, however many there are that do not match.
    """
    end = clock() + seconds
    low, high = _bounds(wanted)
    sets = _smallest_indexes(redis, wanted, destinations)
    found: list[tuple[Place, DeadLetter]] = []
    looked_at, last, finished = 0, start, True
    for places in _parts(walk(redis, sets, start=start, ascending=towards_now, low=low, high=high), size + 1):
        found += _matching(redis, places, wanted)
        looked_at, last = looked_at + len(places), places[-1]
        if len(found) > size:
            break
        if clock() >= end:
            finished = False
            break
    full = len(found) > size
    found = found[:size]
    onwards = found[-1][0] if full else None if finished else last
    back = found[0][0] if found and start is not None else None
    letters = tuple(letter for _, letter in found)
    if towards_now:
        return Look(letters[::-1], onwards, back, looked_at, finished)
    return Look(letters, back, onwards, looked_at, finished)


def tally(redis: Redis, wanted: Filter, destinations: Sequence[str]) -> Tally:
    """Return how many match, without looking at them."""
    low, high = _bounds(wanted)
    pipe = redis.pipeline(transaction=False)
    for key in _smallest_indexes(redis, wanted, destinations).values():
        pipe.zcount(key, low, high)
    said = [wanted.reason, wanted.code, wanted.event]
    exact = wanted.text is None and sum(each is not None for each in said) <= 1
    return Tally(sum(pipe.execute()), exact)


def facets(redis: Redis, destinations: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return how many there are by destination, and over all of `destinations` by reason, code and event."""
    pipe = redis.pipeline(transaction=False)
    for name in destinations:
        pipe.zcard(Keys(name).dead)
        pipe.smembers(Keys(name).facets)
    told = pipe.execute()
    found: dict[str, Counter[str]] = {kind: Counter() for kind in _FACETS}
    indexes = [
        (key, *key[len(Keys(name).of("dead:by:")) :].partition(":")[::2])
        for name, members in zip(destinations, told[1::2], strict=True)
        for key in (member.decode() for member in members)
    ]
    for key, _, _ in indexes:
        pipe.zcard(key)
    for (_, kind, value), amount in zip(indexes, pipe.execute(), strict=True):
        found[kind][value] += amount
    own = {name: amount for name, amount in zip(destinations, told[0::2], strict=True) if amount}
    return {"destination": own, **{kind: dict(counts.most_common()) for kind, counts in found.items()}}


def _bounds(wanted: Filter) -> tuple[str, str]:
    low = "-inf" if wanted.after is None else repr(wanted.after * 1000)
    high = "+inf" if wanted.before is None else f"({wanted.before * 1000!r}"
    return low, high


def _smallest_indexes(redis: Redis, wanted: Filter, destinations: Sequence[str]) -> dict[str, str]:
    """Return for each destination that may have some the index that has the fewest others."""
    said = {kind: getattr(wanted, kind) for kind in _FACETS}
    candidates = [
        [keys.facet(kind, str(value)) for kind, value in said.items() if value is not None] or [keys.dead]
        for keys in map(Keys, destinations)
    ]
    pipe = redis.pipeline(transaction=False)
    for keys in candidates:
        for key in keys:
            pipe.zcard(key)
    sizes = iter(pipe.execute() if candidates else ())
    chosen = {}
    for name, keys in zip(destinations, candidates, strict=True):
        smallest, key = min((next(sizes), key) for key in keys)
        if smallest:
            chosen[name] = key
    return chosen


def _parts(batches: Iterator[list[Place]], first: int) -> Iterator[list[Place]]:
    """Yield the places in parts: as many as a page takes, then more and more, since few of them seem to match."""
    size = first
    for batch in batches:
        while batch:
            yield batch[:size]
            batch, size = batch[size:], min(size * 2, _MOST_READ)


def _matching(redis: Redis, places: Sequence[Place], wanted: Filter) -> list[tuple[Place, DeadLetter]]:
    refs: dict[str, list[str]] = {}
    for place in places:
        refs.setdefault(place.destination, []).append(place.ref)
    pipe = redis.pipeline(transaction=False)
    for destination, own in refs.items():
        pipe.hmget(Keys(destination).dead_meta, own)
    metas: dict[tuple[str, str], bytes | None] = {}
    for (destination, own), answers in zip(refs.items(), pipe.execute(), strict=True):
        metas.update(zip(((destination, ref) for ref in own), answers, strict=True))
    needle = _needle(wanted.text) if wanted.text else b""
    found = []
    for place in places:
        meta: Any = metas[place.destination, place.ref]
        # Reading a text costs a tenth of parsing it, and of a million few will hold what is looked for.
        if meta and needle in meta.lower() and wanted.matches(letter := read(meta)):
            found.append((place, letter))
    return found


def _needle(text: str) -> bytes:
    return orjson.dumps(text)[1:-1].lower()
