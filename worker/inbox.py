"""How a worker gets events: new ones, and those that a dead worker held."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis

from tiktok_events.identity import event_identity, id_fault
from worker.envelope import Envelope, opened
from worker.keys import GROUP, Keys
from worker.scripts import run


@dataclass(frozen=True, slots=True)
class Claimed:
    """One stream entry that is ours to settle."""

    stream: int
    entry_id: str
    envelope: Envelope
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class Lock:
    """A key that must hold a token for entries to be taken; it lives for so long after the last were."""

    key: str
    token: str
    lives_ms: int


class Inbox:
    """The three streams of one destination, seen by one consumer."""

    def __init__(self, redis: Redis, keys: Keys, *, consumer: str) -> None:
        self._redis = redis
        self._keys = keys
        self._consumer = consumer

    def next_batch(
        self, *, silence_seconds: float, size: int, max_deliveries: int, lock: Lock | None = None
    ) -> list[Claimed]:
        """Return what is to be delivered next: what a dead worker held, else up to `size` entries nobody has.

        With a `lock` nothing is returned, or claimed, once it is somebody else's.
        """
        held = self.take_back(silence_seconds=silence_seconds, size=size, max_deliveries=max_deliveries, lock=lock)
        return held or self.claim(size, lock=lock)

    def claim(self, most: int, *, lock: Lock | None = None) -> list[Claimed]:
        """Return up to `most` entries nobody else has."""
        return self._taken("claim", [GROUP, self._consumer, most], lock)

    def take_back(
        self, *, silence_seconds: float, size: int, max_deliveries: int, lock: Lock | None = None
    ) -> list[Claimed]:
        """Return entries whose consumer has been silent for too long; the batch is as small as they need."""
        silence = int(silence_seconds * 1000)
        return self._taken("take_back", [GROUP, self._consumer, silence, size, max_deliveries], lock)

    def _taken(self, script: str, args: list[str | int], lock: Lock | None) -> list[Claimed]:
        keys: list[str] = [*self._keys.streams]
        if lock is not None:
            keys, args = [*keys, lock.key], [*args, lock.token, lock.lives_ms]
        return _read(run(self._redis, script, keys, args))


def _read(entries: Iterable[Any]) -> list[Claimed]:
    claimed = []
    for number, raw_id, flat, *deliveries in entries:
        entry_id = raw_id.decode()
        fields = dict(zip(flat[::2], flat[1::2], strict=False))
        claimed.append(Claimed(number, entry_id, _envelope(entry_id, fields), *deliveries))
    return claimed


def _envelope(entry_id: str, fields: dict[bytes, bytes]) -> Envelope:
    payload = fields.get(b"event")
    if payload is None:
        # Not ours, but somebody's: kept as it is, and dead-lettered as undecodable.
        payload = repr(fields).encode()
    elif b"meta" in fields:
        return opened(fields[b"meta"], payload)
    return Envelope(
        ref=entry_id,
        id=_identity(fields.get(b"id"), payload),
        payload=payload,
        enqueued_at=_milliseconds(fields.get(b"enqueued_at"), entry_id),
        traceparent=fields[b"traceparent"].decode("ascii", "replace")[:128] if b"traceparent" in fields else None,
    )


def _identity(given: bytes | None, payload: bytes) -> str:
    """Return the id of an entry. An `XADD` by hand may come without one; then the same rule as the door's holds."""
    if given:
        text = given.decode("utf-8", "replace").strip()
        if text and id_fault(text) is None:
            return text
    try:
        event = orjson.loads(payload)
        if isinstance(event, dict):
            return event_identity(event)
    except (orjson.JSONDecodeError, RecursionError):
        # Not JSON, or nested deeper than the door lets through: it will be refused, and needs a name until then.
        pass
    return hashlib.sha256(payload).hexdigest()[:32]


def _milliseconds(given: bytes | None, entry_id: str) -> int:
    if given and given.isdigit() and len(given) <= 15:
        return int(given)
    return int(entry_id.partition("-")[0])
