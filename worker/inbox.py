"""How a worker gets events: new ones, and those that a dead worker held."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson
from redis import Redis
from redis.exceptions import ResponseError

from tiktok_events.identity import event_identity, id_fault
from tiktok_events.sealing import SealedError, is_sealed
from worker.envelope import Envelope, opened
from worker.keys import GROUP, Keys
from worker.scripts import Call, run
from worker.traceparents import is_trace
from worker.vault import Vault, vault_of

PACK_EVENTS = 100
"""How many events a producer may put into one entry of the bulk stream."""


PROBE_SECONDS = 15.0
"""How long the batch that probes a failing endpoint may take before another one is let through."""

_LEAST_TO_READ = 100
"""From so many events on it pays to read them without the script: a second round trip for less copying."""

_BULK = 4
_FROM_PRODUCERS = (1, _BULK)
_WHOLE = "-pack"


def pack_size(batch_size: int) -> int:
    """Return how many events a pack may hold where requests hold so many."""
    return min(PACK_EVENTS, batch_size)


@dataclass(slots=True)  # not frozen, since one is made of every event: that halves what it takes
class Claimed:
    """One event that is ours to settle: a stream entry, or one of the `of` events that an entry packs together.

    `plain` says that it came from a producer in clear.
    """

    stream: int
    entry_id: str
    envelope: Envelope
    deliveries: int = 0
    of: int = 1
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a task gets events."""

    size: int = 1000
    silence_seconds: float = 30.0
    max_deliveries: int = 5
    max_tasks: int = 16
    lease_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What a task was given: the state of the gate ("go", "probe", "full", "paused", "blocked", "open"), how long it
    stays shut, the events, and whether there may be more. Where there is none, the task's lease has ended."""

    gate: str
    wait_seconds: float
    batch: list[Claimed]
    more: bool


@dataclass(frozen=True, slots=True)
class Lock:
    """A key that must hold a token for entries to be taken; it lives for so long after the last were."""

    key: str
    token: str
    lives_ms: int


class Inbox:
    """The streams of one destination, seen by one consumer."""

    def __init__(self, redis: Redis, keys: Keys, *, consumer: str) -> None:
        self._redis = redis
        self._keys = keys
        self._consumer = consumer
        self._vault = vault_of(keys.destination)

    def take(self, token: str, terms: Terms, *, lock: Lock | None = None) -> Taken:
        """Take the next batch for the task that `token` names: what a silent worker held, else what nobody has.

        With a `lock` nothing is taken once it is somebody else's.
        """
        return self.taken(run(self._redis, *self.question(token, terms, lock)), token, terms, lock)

    def question(
        self, token: str, terms: Terms, lock: Lock | None = None, *, least_to_read: int = _LEAST_TO_READ
    ) -> Call:
        """Return the call that takes a batch, for who sends it along with something else."""
        keys = [*self._keys.streams, self._keys.state, self._keys.breaker, self._keys.slices]
        args: list[str | int] = [
            *(token, int(terms.lease_seconds * 1000), terms.max_tasks, GROUP, self._consumer),
            *(int(terms.silence_seconds * 1000), terms.size, terms.max_deliveries, pack_size(terms.size)),
            *(int(PROBE_SECONDS * 1000), least_to_read),
        ]
        if lock is not None:
            keys, args = [*keys, lock.key], [*args, lock.token, lock.lives_ms]
        return Call("take", keys, args)

    def taken(self, answer: Any, token: str, terms: Terms, lock: Lock | None = None) -> Taken:
        """Return what the answer to a `question` of the same token, terms and lock gives the task."""
        gate, wait, entries, more, count = answer
        taken = Taken(gate.decode(), max(0, wait) / 1000, _read(entries, self._vault), bool(more))
        if not count:
            return taken
        batch = self._read_inbox(count)
        if batch:
            return replace(taken, batch=batch)
        # Nothing, though there is something: others were faster, or nobody is given those. The script knows.
        question = self.question(token, terms, lock, least_to_read=0)
        return self.taken(run(self._redis, *question), token, terms, lock)

    def _read_inbox(self, count: int) -> list[Claimed]:
        try:
            found: Any = self._redis.xreadgroup(GROUP, self._consumer, {self._keys.inbox: ">"}, count=count)
        except ResponseError:  # the group is gone since; the script makes it again
            return []
        entries = found[0][1] if found else []
        return [
            claimed for raw_id, fields in entries for claimed in _claimed(1, raw_id.decode(), fields, 0, self._vault)
        ]


def _read(entries: Iterable[Any], vault: Vault) -> list[Claimed]:
    found: list[Claimed] = []
    for number, raw_id, flat, deliveries in entries:
        fields = dict(zip(flat[::2], flat[1::2], strict=False))
        found += _claimed(number, raw_id.decode(), fields, deliveries, vault)
    return found


def _claimed(number: int, entry_id: str, fields: dict[bytes, bytes], deliveries: int, vault: Vault) -> list[Claimed]:
    """Return the events of an entry; a pack that does not open is one, until it does."""
    pack = number == _BULK and b"events" in fields
    if pack and not is_sealed(fields[b"events"]):
        apart = _unpacked(_whole(entry_id, fields), fields[b"events"])
        return [Claimed(number, entry_id, each, deliveries, len(apart), plain=True) for each in apart]
    envelope = vault.opened(
        _whole(entry_id, fields) if pack else _envelope(entry_id, fields, ours=number not in _FROM_PRODUCERS)
    )
    if envelope.ids:
        try:
            apart = _unpacked(envelope, vault.clear(envelope))
        except SealedError:
            return [Claimed(number, entry_id, envelope, deliveries)]
        return [Claimed(number, entry_id, each, deliveries, len(apart)) for each in apart]
    plain = envelope.sealed is None and number in _FROM_PRODUCERS
    return [Claimed(number, entry_id, envelope, deliveries, plain=plain)]


def _whole(entry_id: str, fields: dict[bytes, bytes]) -> Envelope:
    """Return a pack as one envelope. An entry of another stream may have the same id."""
    told = fields.get(b"ids", b"")
    return Envelope(
        ref=f"{entry_id}{_WHOLE}",
        id=hashlib.sha256(told).hexdigest()[:32],
        payload=fields[b"events"],
        enqueued_at=_milliseconds(fields.get(b"enqueued_at"), entry_id),
        traceparent=_traceparent(fields),
        ids=tuple(told.decode("utf-8", "replace").split("\n")),
    )


def _unpacked(pack: Envelope, events: bytes) -> list[Envelope]:
    """Return the events of a pack. Each has a reference of its own: the entry's with its place in the pack."""
    entry_id = pack.ref.removesuffix(_WHOLE)
    payloads = events.split(b"\n")
    ids = pack.ids if len(pack.ids) == len(payloads) else [""] * len(payloads)
    return [
        Envelope(
            ref=f"{entry_id}-{place}",
            id=_identity(given, payload),
            payload=payload,
            enqueued_at=pack.enqueued_at,
            traceparent=pack.traceparent,
            attempts=pack.attempts,
            history=pack.history,
            replays=pack.replays,
            forced=pack.forced,
        )
        for place, (given, payload) in enumerate(zip(ids, payloads, strict=True))
    ]


def _envelope(entry_id: str, fields: dict[bytes, bytes], *, ours: bool) -> Envelope:
    """Return the event of an entry. `ours`: it is in a stream that only workers and commands write.

    Elsewhere a field `meta` is nobody's: believed, a broken one would stop every claim that meets it.
    """
    payload = fields.get(b"event")
    if payload is None:
        # Not ours, but somebody's: kept as it is, and dead-lettered as undecodable.
        payload = repr(fields).encode()
    elif ours and b"meta" in fields:
        # Where the meta is by another's hand, the event is taken as new: it must not hold up the others.
        with contextlib.suppress(ValueError):
            return opened(fields[b"meta"], payload)
    return Envelope(
        ref=entry_id,
        id=_identity(fields.get(b"id", b"").decode("utf-8", "replace"), payload),
        payload=payload,
        enqueued_at=_milliseconds(fields.get(b"enqueued_at"), entry_id),
        traceparent=_traceparent(fields),
    )


def _traceparent(fields: dict[bytes, bytes]) -> str | None:
    # Anybody may have written it, and anything: what is no trace is not kept, since it is shown.
    told = fields.get(b"traceparent")
    text = told.decode("ascii", "replace") if told else ""
    return text if text and is_trace(text) else None


def _identity(given: str, payload: bytes) -> str:
    """Return the id of an entry. An `XADD` by hand may come without one; then the same rule as the door's holds."""
    text = given.strip()
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
