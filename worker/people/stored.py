"""What is stored for a destination, place by place: everything that may hold somebody's event."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from redis import Redis

from worker.dead_letters import DeadLetter
from worker.dead_letters.letter import read
from worker.envelope import Envelope, opened, unpacked
from worker.keys import Keys
from worker.people import payloads

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Stored:
    """One stream entry, scheduled event or dead letter. Payloads are clear.

    `envelopes` are its events: several in a pack, and of an edited dead letter the original and the edited one.
    `fields` are those of a stream entry; `meta` is what proves that a scheduled event is still the one that was read.
    """

    place: str
    handle: str
    envelopes: tuple[Envelope, ...]
    fields: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    letter: DeadLetter | None = None
    meta: bytes = b""

    @property
    def is_pack(self) -> bool:
        """Say whether it holds events of several people, of which one may go and the others stay."""
        return self.place == "bulk"


def everything(redis: Redis, keys: Keys) -> Iterator[Stored]:
    """Yield all that is stored. Events move meanwhile, mostly from the streams to the schedule and the dead letters:
    so the schedule is looked at before and after, and who needs all looks again until nothing is found."""
    yield from _scheduled(redis, keys)
    yield from in_streams(redis, keys)
    yield from _scheduled(redis, keys)
    yield from _dead(redis, keys)


def in_streams(redis: Redis, keys: Keys, *, until: str = "+") -> Iterator[Stored]:
    """Yield the entries of the streams up to an entry id, those that a worker holds included."""
    for place, stream in zip(("inbox", "retry", "replay", "bulk"), keys.streams, strict=True):
        start = "-"
        while rows := _rows(redis, stream, start, until):
            yield from (_entry(keys, place, entry_id.decode(), fields) for entry_id, fields in rows if fields)
            start = f"({rows[-1][0].decode()}"


def by_ref(redis: Redis, keys: Keys, refs: Collection[str]) -> Iterator[Stored]:
    """Yield the scheduled events and dead letters among these."""
    for ref in refs:
        packed: Any = redis.hget(keys.scheduled, ref)
        if packed is not None:
            yield _of_schedule(keys, ref, packed)
        yield from _letters(redis, keys, [ref])


def _rows(redis: Redis, stream: str, start: str, until: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: Any = redis.xrange(stream, min=start, max=until, count=_AT_ONCE)
    return list(found)


def _entry(keys: Keys, place: str, entry_id: str, fields: dict[bytes, bytes]) -> Stored:
    millisecond = int(entry_id.partition("-")[0])
    told = fields.get(b"enqueued_at", b"")
    enqueued_at = int(told) if told.isdigit() and len(told) <= 15 else millisecond
    if place == "bulk" and b"events" in fields:
        ids = fields.get(b"ids", b"")
        apart = payloads.opened_pack(keys.destination, fields[b"events"], ids)
        names = ids.decode("utf-8", "replace").split("\n")
        names = names if len(names) == len(apart) else [""] * len(apart)
        envelopes = tuple(
            Envelope(f"{entry_id}-{number}", name, payload, enqueued_at)
            for number, (name, payload) in enumerate(zip(names, apart, strict=True))
        )
        return Stored(place, entry_id, envelopes, fields)
    payload = fields.get(b"event", b" ".join(fields.values()))
    if b"meta" in fields:
        envelope = opened(fields[b"meta"], payload)
    else:
        envelope = Envelope(entry_id, fields.get(b"id", b"").decode("utf-8", "replace"), payload, enqueued_at)
    return Stored(place if place != "bulk" else "inbox", entry_id, (_clear(keys, envelope),), fields)


def _scheduled(redis: Redis, keys: Keys) -> Iterator[Stored]:
    rows: Any = redis.hscan_iter(keys.scheduled, count=_AT_ONCE)
    for ref, packed in rows:
        yield _of_schedule(keys, ref.decode(), packed)


def _of_schedule(keys: Keys, ref: str, packed: bytes) -> Stored:
    meta = packed.partition(b"\n")[0]
    return Stored("schedule", ref, (_clear(keys, unpacked(packed)),), meta=meta)


def _dead(redis: Redis, keys: Keys) -> Iterator[Stored]:
    waiting: list[str] = []
    rows: Any = redis.zscan_iter(keys.dead, count=_AT_ONCE)
    for ref, _ in rows:
        waiting.append(ref.decode())
        if len(waiting) >= _AT_ONCE:
            yield from _letters(redis, keys, waiting)
            waiting = []
    yield from _letters(redis, keys, waiting)


def _letters(redis: Redis, keys: Keys, refs: list[str]) -> Iterator[Stored]:
    if not refs:
        return
    pipe = redis.pipeline(transaction=False)
    for key in (keys.dead_meta, keys.dead_events, keys.dead_revisions):
        pipe.hmget(key, refs)
    for ref, meta, event, revision in zip(refs, *pipe.execute(), strict=True):
        if meta is None:
            continue
        letter = read(meta, event or b"")
        versions = [letter.envelope]
        if revision is not None:
            versions.append(replace(letter.envelope, payload=revision))
        yield Stored("dead letters", ref, tuple(_clear(keys, each) for each in versions), letter=letter)


def _clear(keys: Keys, envelope: Envelope) -> Envelope:
    return replace(envelope, payload=payloads.opened(keys.destination, envelope))
