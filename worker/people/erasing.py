"""How is everything that is stored of a person removed?"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from worker.dead_letters import Changes
from worker.keys import GROUP, Keys
from worker.people import payloads
from worker.people.index import PeopleIndex
from worker.people.person import Sought
from worker.people.searching import Found, search
from worker.people.stored import Stored
from worker.scripts import run

_MOST_ROUNDS = 20
_PAUSE_SECONDS = 0.2
_REMOVED, _HELD = 1, -1


@dataclass(slots=True)
class Erased:
    """How many events were removed from which place, and how many a worker held until the end."""

    places: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0

    @property
    def count(self) -> int:
        """Return how many were removed in all."""
        return self.places.total()


def forget(
    redis: Redis,
    keys: Keys,
    sought: Sought,
    index: PeopleIndex,
    *,
    silence_seconds: float,
    wait_seconds: float,
    quick: bool = False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Erased:
    """Remove every event of a person from one destination; look again until nothing more is found.

    What a worker is just sending is waited for: `wait_seconds` in all. A worker that has been silent for
    `silence_seconds` counts as dead, and what it held is removed. A crash half-way leaves the rest for the next call.
    """
    end = clock() + wait_seconds
    erased = Erased()
    for _ in range(_MOST_ROUNDS):
        before = erased.count
        found = search(redis, keys, sought, index, quick=quick)
        held = [each for each in found if not _is_settled(redis, keys, each, index, erased, silence_seconds)]
        erased.in_flight = sum(len(each.numbers) for each in held)
        if held and clock() < end:
            while clock() < end and any(_is_held(redis, keys, each.stored) for each in held):
                sleep(_PAUSE_SECONDS)
        elif erased.count == before:
            break
    return erased


def _is_settled(
    redis: Redis, keys: Keys, found: Found, index: PeopleIndex, erased: Erased, silence_seconds: float
) -> bool:
    """Remove what was found, and count it; return False if a worker holds it."""
    stored, count = found.stored, len(found.numbers)
    if stored.letter is not None:
        removed = Changes(redis, keys).discard([stored.letter], counter="forgotten")
        count = 1
    elif stored.place == "schedule":
        removed = _erase_scheduled(redis, keys, stored)
    else:
        removed = erase_entry(redis, keys, stored, found.numbers, silence_seconds=silence_seconds, counter="forgotten")
    if removed == _REMOVED:
        erased.places[stored.place] += count
        index.remove(stored.envelopes)
    return removed != _HELD


def _erase_scheduled(redis: Redis, keys: Keys, stored: Stored) -> int:
    own = [keys.due, keys.scheduled, keys.totals, *_order_keys(redis, keys, stored.handle)]
    return int(run(redis, "erase_scheduled", own, [stored.handle, stored.meta]))


def erase_entry(
    redis: Redis, keys: Keys, stored: Stored, numbers: Sequence[int], *, silence_seconds: float, counter: str
) -> int:
    """Remove some of the events of a stream entry; return 1, 0 when it was gone, -1 when a worker holds it."""
    stream, ref = _stream(keys, stored), stored.envelopes[0].ref
    own = [stream, keys.bulk_size if stored.is_pack else stream, keys.totals, *_order_keys(redis, keys, ref)]
    args: list[str | bytes | float] = [GROUP, stored.handle, ref, int(silence_seconds * 1000), len(numbers), counter]
    return int(run(redis, "erase_entry", own, [*args, *_rest(keys, stored, numbers)]))


def _rest(keys: Keys, stored: Stored, numbers: Sequence[int]) -> Iterable[bytes | str]:
    """Yield the fields of the pack without these events; nothing when nothing is left."""
    left = [number for number in range(len(stored.envelopes)) if number not in numbers]
    if not stored.is_pack or not left:
        return
    ids = stored.fields.get(b"ids", b"").split(b"\n")
    kept = b"\n".join(ids[number] for number in left) if len(ids) == len(stored.envelopes) else b""
    fields = {
        **stored.fields,
        b"events": payloads.packed(keys.destination, [stored.envelopes[number].payload for number in left], kept),
        b"ids": kept,
        b"n": str(len(left)).encode(),
        b"enqueued_at": str(stored.envelopes[0].enqueued_at).encode(),
    }
    for name, value in fields.items():
        yield name
        yield value


def _order_keys(redis: Redis, keys: Keys, ref: str) -> Iterator[str]:
    """Yield the index of orders under way, and the order that an event is an update of, else the index again."""
    order: Any = redis.hget(keys.order_refs, ref)
    yield keys.order_refs
    yield order.decode() if order else keys.order_refs


def _is_held(redis: Redis, keys: Keys, stored: Stored) -> bool:
    pending: Any = redis.xpending_range(_stream(keys, stored), GROUP, min=stored.handle, max=stored.handle, count=1)
    return bool(pending)


def _stream(keys: Keys, stored: Stored) -> str:
    return dict(zip(("inbox", "retry", "replay", "bulk"), keys.streams, strict=True))[stored.place]
