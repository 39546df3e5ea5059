"""Which events that are kept for long are a person's, without saying whose?

A blind index: for each scheduled event and each dead letter one entry for each identifier in it, made of a keyed digest
of the identifier's hash and the event's ref. Whoever has no key can neither read whose events there are nor try out
addresses. Settling writes it in the same atomic call; what left is taken out by the sweep.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from redis import Redis

from schemas.identifier_places import Places, of_any_source
from worker.config import Destination
from worker.envelope import Envelope
from worker.keys import Keys
from worker.people.hashes import hashes_in, parsed
from worker.people.index_key import index_key
from worker.people.payloads import opened
from worker.scripts import run

_DIGEST_BYTES = 12
"""Enough to tell people apart; an event that is found is looked at anyway."""
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class PeopleIndex:
    """The index of one destination. `key` returns the secret, and may ask Redis for it; None: there is none."""

    redis: Redis
    keys: Keys
    places: Places
    region: str | None
    key: Callable[[], bytes | None]

    def members(self, envelopes: Iterable[Envelope]) -> list[str]:
        """Return the entries of some events."""
        found = [
            (envelope.ref, each)
            for envelope in envelopes
            for each in hashes_in(parsed(opened(self.keys.destination, envelope)), self.places, self.region)
        ]
        key = self.key() if found else None
        if key is None:
            return []
        return [f"{_digest(key, each)} {ref}" for ref, each in found]

    def note(self, envelopes: Iterable[Envelope]) -> None:
        """Write down events that no settling writes down: imported, refused at a door, edited."""
        members = self.members(envelopes)
        if members:
            self.redis.zadd(self.keys.people, dict.fromkeys(members, 0))

    def refs(self, hashes: Iterable[str]) -> set[str]:
        """Return the refs of the events in which one of these hashes was found."""
        key = self.key()
        found: set[str] = set()
        if key is None:
            return found
        for each in hashes:
            digest = _digest(key, each)
            rows: Any = self.redis.zrangebylex(self.keys.people, f"[{digest} ", f"({digest}!")
            found |= {row.decode().partition(" ")[2] for row in rows}
        return found

    def remove(self, envelopes: Iterable[Envelope]) -> None:
        """Take the entries of some events out."""
        members = self.members(envelopes)
        if members:
            self.redis.zrem(self.keys.people, *members)


def index_of(redis: Redis, destination: str, settings: Destination | None) -> PeopleIndex:
    """Return the index of a destination; without its settings the places of every source are looked at."""
    places = settings.identifier_places() if settings else of_any_source()
    region = settings.mapping.region if settings else None
    return PeopleIndex(redis, Keys(destination), places, region, lambda: index_key(redis))


def heal(redis: Redis, keys: Keys, *, most: int) -> int:
    """Take out the entries of events that are neither scheduled nor dead any more; look at `most` of them.

    The next call goes on where this one ended. Return how many were taken out.
    """
    gone = 0
    own = [keys.people, keys.scheduled, keys.dead_meta, keys.state]
    for _ in range(0, most, _AT_ONCE):
        removed, ended = run(redis, "heal", own, [_AT_ONCE])
        gone += int(removed)
        if ended:
            break
    return gone


def _digest(key: bytes, identifier_hash: str) -> str:
    return urlsafe_b64encode(hmac.digest(key, identifier_hash.encode(), "sha256")[:_DIGEST_BYTES]).decode()
