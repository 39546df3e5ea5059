"""What travels with an event: its reference, its age, and what was tried with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import orjson

VERSION = 1
"""What `v` says in the meta. It grows when a worker that knows the former form must not touch the new one; fields that
such a worker may overlook are added without. Every version has `v`, `ref`, `id` and `enqueued_at`."""

KEPT_ATTEMPTS = 10
"""How many attempts an event remembers; older ones are counted but no longer described."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver an event. Holds no value of the event."""

    at: float
    outcome: str
    code: int | None = None
    message: str = ""
    request_id: str | None = None


# Not frozen, though nobody changes one: one is made of every event, and freezing doubles what that takes.
@dataclass(slots=True)
class Envelope:
    """One event on its way.

    `ref` is unique in its destination and stays with the event over retries, dead letters and replays: it is the
    id of the stream entry the event first came in. `id` is the producer's and need not be unique.

    `payload` is clear, and `sealed` is how it is stored where that is sealed. Where it did not open, `locked` says why
    and `payload` is as it came; `ids` are those of its events where it is a whole pack. `newer` is the meta that a
    newer worker wrote, word by word: this one cannot read it, and leaves it as it is.
    """

    ref: str
    id: str
    payload: bytes = field(repr=False)
    enqueued_at: int
    traceparent: str | None = None
    attempts: int = 0
    history: tuple[Attempt, ...] = ()
    replays: int = 0
    forced: bool = False
    ids: tuple[str, ...] = ()
    sealed: bytes | None = field(default=None, repr=False)
    locked: str | None = None
    newer: bytes | None = None

    @property
    def stored(self) -> bytes:
        """Return the payload as it is stored."""
        return self.payload if self.sealed is None else self.sealed

    def tried(self, attempt: Attempt, *, counts: bool) -> Envelope:
        """Return the envelope after one more try; `counts` says whether it used up an attempt."""
        history = (*self.history, attempt)[-KEPT_ATTEMPTS:]
        return replace(self, attempts=self.attempts + counts, history=history)

    def meta(self) -> bytes:
        """Return everything but the payload, as one line of JSON."""
        if self.newer is not None:
            return self.newer
        ids = {"ids": self.ids} if self.ids else {}
        return orjson.dumps(
            {
                "v": VERSION,
                "ref": self.ref,
                "id": self.id,
                "enqueued_at": self.enqueued_at,
                "traceparent": self.traceparent,
                "attempts": self.attempts,
                "history": [asdict(each) for each in self.history],
                "replays": self.replays,
                "forced": self.forced,
                **ids,
            }
        )

    def packed(self) -> bytes:
        """Return meta and stored payload in one value: the first line is the meta."""
        return self.meta() + b"\n" + self.stored


def opened(meta: bytes | Mapping[str, Any], payload: bytes) -> Envelope:
    """Return the envelope that :meth:`Envelope.meta` described, by this version of the worker or another.

    Raises:
        ValueError: nobody's meta.
    """
    try:
        told = orjson.loads(meta) if isinstance(meta, bytes) else meta
        if told["v"] > VERSION:
            newer = meta if isinstance(meta, bytes) else orjson.dumps(told)
            return Envelope(told["ref"], told["id"], payload, told["enqueued_at"], newer=newer)
        return _read(told, payload)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"an envelope's meta that nobody wrote: {type(error).__name__}") from None


def _read(told: Mapping[str, Any], payload: bytes) -> Envelope:
    return Envelope(
        ref=told["ref"],
        id=told["id"],
        payload=payload,
        enqueued_at=told["enqueued_at"],
        traceparent=told.get("traceparent"),
        attempts=told["attempts"],
        history=tuple(_attempt(each) for each in told["history"]),
        replays=told.get("replays", 0),
        forced=told.get("forced", False),
        ids=tuple(told.get("ids", ())),
    )


def _attempt(told: Mapping[str, Any]) -> Attempt:
    return Attempt(**{name: told[name] for name in _OF_AN_ATTEMPT if name in told})


_OF_AN_ATTEMPT = tuple(each.name for each in fields(Attempt))


def unpacked(packed: bytes) -> Envelope:
    """Return the envelope that :meth:`Envelope.packed` made."""
    meta, _, payload = packed.partition(b"\n")
    return opened(meta, payload)
