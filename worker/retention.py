"""What is kept where, in which form, for how long, how much of it there is, and how old the oldest is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from math import ceil
from typing import Any

from redis import Redis

from tiktok_events.sealing import read_keyring
from worker.config import Destination
from worker.keys import AUDIT, UNKNOWN, Keys
from worker.people.erasing import erase_entry
from worker.people.stored import in_streams
from worker.settlement import MINUTE_LIVES_SECONDS

_DAY_SECONDS = 86400
_UNKNOWN_LIMIT = "90 d"


@dataclass(frozen=True, slots=True)
class Kept:
    """One place of one destination. `limit` says when it ends; `oldest_seconds` None: nothing there, or not known."""

    destination: str
    place: str
    form: str
    limit: str
    count: int
    oldest_seconds: float | None = None

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    def row(self) -> tuple[str, str, str, str, int]:
        """Return it as cells, all but the age."""
        return self.destination, self.place, self.form, self.limit, self.count


def look_at_retention(redis: Redis, settings: Mapping[str, Destination], *, now: float) -> list[Kept]:
    """Return every place of every destination, then those that all share."""
    found = [kept for name, destination in settings.items() for kept in _of(redis, name, destination, now)]
    found += _dead(redis, Keys(UNKNOWN), _form(hashed=False), _UNKNOWN_LIMIT, now)
    oldest: Any = redis.xrange(AUDIT, count=1)
    age = _age(oldest[0][0] if oldest else None, now)
    found.append(Kept("", "audit", "no identifiers", "the last 10,000", redis.xlen(AUDIT), age))
    return found


def purge_waiting(redis: Redis, keys: Keys, settings: Destination, *, most: int, now: float) -> int:
    """Remove what has waited in a stream for longer than `inbox_max_age`; return how many events that were.

    What a worker holds stays: it is about to end there. At most `most` entries are looked at, the oldest first.
    """
    if settings.inbox_max_age_seconds is None:
        return 0
    until = str(int((now - settings.inbox_max_age_seconds) * 1000))
    purged = 0
    for stored in islice(in_streams(redis, keys, until=until), most):
        numbers = range(len(stored.envelopes))
        silence = settings.take_back_after_seconds
        if erase_entry(redis, keys, stored, numbers, silence_seconds=silence, counter="purged") == 1:
            purged += len(numbers)
    return purged


def _form(*, hashed: bool) -> str:
    """Return what a payload looks like that is stored from now on."""
    if read_keyring() is not None:
        return "sealed, identifiers hashed" if hashed else "sealed"
    return "identifiers hashed" if hashed else "as the event came"


def _of(redis: Redis, name: str, settings: Destination, now: float) -> Iterator[Kept]:
    keys = Keys(name)
    form = _form(hashed=settings.hash_at_door)
    waiting = "delivered" if settings.inbox_max_age_seconds is None else _span(settings.inbox_max_age_seconds)
    packed: Any = redis.get(keys.bulk_size)
    for place, stream in zip(("inbox", "retry", "replay", "bulk"), keys.streams, strict=True):
        first: Any = redis.xrange(stream, count=1)
        count = int(packed or 0) if place == "bulk" else redis.xlen(stream)
        yield Kept(name, place, form, waiting, count, _age(first[0][0] if first else None, now))
    # Refs begin with the time at which their event first came.
    refs: Any = redis.zrange(keys.due, 0, 9_999)
    ages = [age for ref in refs if (age := _age(ref, now)) is not None]
    limit = f"{_span(settings.retry.max_age_seconds)}; longer while paused or throttled"
    yield Kept(name, "schedule", form, limit, redis.zcard(keys.due), max(ages, default=None))
    letters = settings.dead_letters
    yield from _dead(redis, keys, form, f"{_span(letters.max_age_seconds)}, at most {letters.max_count:,}", now)
    yield Kept(name, "index of people", "keyed digests", "as its events", redis.zcard(keys.people))
    today = int(now // _DAY_SECONDS)
    first_day = today - ceil(settings.ledger_seconds / _DAY_SECONDS) - 1
    days = [day for day in range(first_day, today + 2) if redis.exists(keys.ledger(day))]
    yield Kept(
        *(name, "ledger", "digests of event ids", f"{_span(settings.ledger_seconds)} after its day"),
        sum(redis.scard(keys.ledger(day)) for day in days),
        max(0.0, now - min(days) * _DAY_SECONDS) if days else None,
    )
    if settings.order_sync:
        limit = f"{_span(settings.order_sync.remember_seconds)} after the last update"
        yield Kept(name, "orders", "digests of order ids", limit, redis.hlen(keys.order_refs))
    minutes = range(int(now // 60) - MINUTE_LIVES_SECONDS // 60, int(now // 60) + 1)
    there = redis.exists(*(keys.minute(minute) for minute in minutes))
    yield Kept(name, "minute counters", "numbers", _span(MINUTE_LIVES_SECONDS), int(there))


def _dead(redis: Redis, keys: Keys, form: str, limit: str, now: float) -> Iterator[Kept]:
    first: Any = redis.zrange(keys.dead, 0, 0, withscores=True)
    oldest = now - first[0][1] / 1000 if first else None
    yield Kept(keys.destination, "dead letters", form, limit, redis.zcard(keys.dead), oldest)
    yield Kept(keys.destination, "edits", form, "as their dead letters", redis.hlen(keys.dead_revisions))


def _age(entry_id: bytes | None, now: float) -> float | None:
    millisecond = entry_id.partition(b"-")[0] if entry_id else b""
    return max(0.0, now - int(millisecond) / 1000) if millisecond.isdigit() else None


def _span(seconds: float) -> str:
    """Return a time as a setting is written."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:g} s"
