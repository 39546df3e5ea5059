"""What is scheduled to be tried again, and what a person may do about it: try it now, or give it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from worker.config import Destination
from worker.dead_letters import DeadLetter
from worker.envelope import Envelope, unpacked
from worker.inbox import Claimed
from worker.keys import Keys
from worker.paging import Place, walk
from worker.preparation import Prepared, prepare
from worker.scripts import run
from worker.vault import vault_of

GIVEN_UP = "given_up"
"""The reason of the dead letters made here."""

_AT_ONCE = 1000
_MINUTE_LIVES_SECONDS = 7200


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One event that is to be tried again. `due_at` is in Unix seconds; it may have passed while all are busy."""

    destination: str
    envelope: Envelope
    due_at: float


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the schedule, the next one first, and where the parts before and after it begin."""

    events: tuple[Scheduled, ...]
    sooner: Place | None
    later: Place | None


def count(redis: Redis, destinations: Sequence[str]) -> dict[str, int]:
    """Return how many are scheduled for each destination that has any."""
    pipe = redis.pipeline(transaction=False)
    for name in destinations:
        pipe.zcard(Keys(name).due)
    return {name: amount for name, amount in zip(destinations, pipe.execute(), strict=True) if amount}


def page(
    redis: Redis, destinations: Sequence[str], *, start: Place | None = None, sooner: bool = False, size: int = 50
) -> Page:
    """Return what is due behind `start`, or, with `sooner`, before it."""
    places: list[Place] = []
    for batch in walk(redis, {name: Keys(name).due for name in destinations}, start=start, ascending=not sooner):
        places += batch
        if len(places) > size:
            break
    full = len(places) > size
    places = places[:size]
    onwards = places[-1] if full else None
    back = places[0] if places and start is not None else None
    if sooner:
        places.reverse()
        onwards, back = back, onwards
    return Page(_read(redis, places), back, onwards)


def _read(redis: Redis, places: Sequence[Place]) -> tuple[Scheduled, ...]:
    pipe = redis.pipeline(transaction=False)
    for place in places:
        pipe.hget(Keys(place.destination).scheduled, place.ref)
    return tuple(
        Scheduled(place.destination, vault_of(place.destination).opened(unpacked(packed)), place.score / 1000)
        for place, packed in zip(places, pipe.execute(), strict=True)
        if packed is not None
    )


class Retries:
    """The scheduled events of one destination."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._vault = vault_of(keys.destination)

    def get(self, ref: str) -> Scheduled | None:
        """Return one with its event, or None."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.zscore(self._keys.due, ref)
        pipe.hget(self._keys.scheduled, ref)
        due, packed = pipe.execute()
        if due is None or packed is None:
            return None
        return Scheduled(self._keys.destination, self._vault.opened(unpacked(packed)), due / 1000)

    def now(self, refs: Sequence[str]) -> int:
        """Let these be tried as soon as a worker is free; return for how many that changes something."""
        return int(run(self._redis, "retry_now", [self._keys.due], ["refs", *refs]))

    def all_now(self) -> int:
        """Do the same for all that are scheduled now."""
        # A retry that fails meanwhile is scheduled anew: what comes back in more rounds than there was work for stays.
        moved, most = 0, int(self._redis.zcard(self._keys.due))
        while moved < most:
            part = int(run(self._redis, "retry_now", [self._keys.due], ["all", min(_AT_ONCE, most - moved)]))
            if not part:
                break
            moved += part
        return moved

    def bury(self, ref: str, *, settings: Destination | None, now: float) -> bool:
        """Make one a dead letter, with its history. Return False if it is no longer scheduled, or is being tried.

        `settings` tell TikTok's name of the event, for the index; without them it has none.
        """
        packed: Any = self._redis.hget(self._keys.scheduled, ref)
        if packed is None:
            return False
        envelope = self._vault.opened(unpacked(packed))
        letter = _letter(self._keys.destination, envelope, settings, now=now)
        keys = self._keys
        order: Any = self._redis.hget(keys.order_refs, ref)
        own = [keys.due, keys.scheduled, keys.dead, keys.dead_meta, keys.dead_events, keys.facets, keys.totals]
        own += [keys.minute(int(now // 60)), keys.order_refs, order.decode() if order else keys.order_refs]
        args = [ref, packed.partition(b"\n")[0], letter.meta(), f"dead:{GIVEN_UP}", _MINUTE_LIVES_SECONDS]
        return bool(run(self._redis, "bury", [*own, *letter.indexes(keys)], args))


def _letter(destination: str, envelope: Envelope, settings: Destination | None, *, now: float) -> DeadLetter:
    last = envelope.history[-1] if envelope.history else None
    event, event_time = None, None
    if settings is not None:
        ready = prepare(Claimed(0, "", envelope), settings, settings.mapper(), now=now)
        if isinstance(ready, Prepared):
            event, event_time = settings.known_event(ready.items[0].event), ready.items[0].event_time
    return DeadLetter(
        destination=destination,
        reason=GIVEN_UP,
        message=last.message if last else "",
        envelope=envelope,
        dead_at=now,
        code=last.code if last else None,
        request_id=last.request_id if last else None,
        event=event,
        event_time=event_time,
    )
